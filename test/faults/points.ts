/** The calls of a story that nothing disturbs, and where among them an interruption is the same as at another one. */
import type { Around } from './interposed.ts';
import type { FaultWorld } from './world.ts';

/** Right before and right after one call to the outside. */
export interface Point {
  /** The call's. */
  readonly name: string;
  /** Whether time has passed since the call before it, or a pass or a build has begun or ended: the world may have changed by itself. */
  readonly isFirst: boolean;
  /** Whether the next that happens after its effect is that the same program makes another call. */
  readonly isFollowed: boolean;
}

/** What leaves the outside as it was. */
const looks: ReadonlySet<string> = new Set([
  'forge.pullRequest',
  'forge.branchRevision',
  'forge.mayWrite',
  'forge.approval',
  'forge.commandComments',
  'source.at',
  'snapshot.entries',
  'snapshot.text',
  'snapshot.export',
  'secrets.values',
  'builder.digestOf',
  'cluster.observe',
  'cluster.watchWorkloads',
  'cluster.namespaceGone',
  'cluster.fence',
  'cluster.checkFence',
  'queue.waitingFor',
  'queue.builds',
  'store.get',
  'store.status',
]);

/** Whether the call may change something outside. */
export function changes(name: string): boolean {
  return !looks.has(name);
}

export function isRedis(name: string): boolean {
  return name.startsWith('queue.') || name.startsWith('store.');
}

/** Follows a worker's calls: they go through `around`; afterwards `points` has them in order. */
export function followed(world: FaultWorld): { readonly around: Around; points(): readonly Point[] } {
  interface Seen {
    readonly name: string;
    readonly begunAt: string;
    readonly isFirst: boolean;
    endedAt: string | undefined;
  }
  const calls: Seen[] = [];
  let effects = 0;
  let lastMoment = '';
  const now = () => `${world.moment}, ${effects} effects`;
  return {
    async around({ name }, effect) {
      const call: Seen = { name, begunAt: now(), isFirst: world.moment !== lastMoment, endedAt: undefined };
      lastMoment = world.moment;
      calls.push(call);
      try {
        return await effect();
      } finally {
        effects += 1;
        call.endedAt = now();
      }
    },
    points() {
      const begins = new Set(calls.map(({ begunAt }) => begunAt));
      return calls.map(({ name, isFirst, endedAt }) => ({
        name,
        isFirst,
        isFollowed: endedAt !== undefined && begins.has(endedAt),
      }));
    },
  };
}
