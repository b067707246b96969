import type { Desired, ImageState, Observed, PreviewKey, PullRequest } from '../domain/preview.ts';
import type { PlannedImage } from '../domain/plan.ts';
import { trustOf } from '../domain/trust.ts';
import type { NamespaceRequest } from '../ports.ts';
import type { Ports } from './ports.ts';

/** What is there now, as far as the next step depends on it. */
export interface Observation {
  readonly observed: Observed;
  /** See `ClusterState`. */
  readonly hasDeleteHooks: boolean;
}

/** What a pass wants to see the world for. */
interface Purpose {
  readonly key: PreviewKey;
  readonly name: string;
  readonly pullRequest: PullRequest | undefined;
  readonly desired: Desired;
}

/** The namespace that the preview should have, or may keep; `undefined` when it should have none. */
export function wantedNamespace({ key, name, pullRequest, desired }: Purpose): NamespaceRequest | undefined {
  if (!pullRequest || desired.state === 'absent') return undefined;
  return { key, name, repository: pullRequest.repository, trust: trustOf(pullRequest) };
}

/**
 * Reads the world. Digests of images once seen are passed on from one observation of a pass to the next: their tags
 * are content keys, so what was there stays what it is.
 */
export async function observe(
  ports: Pick<Ports, 'builder' | 'cluster' | 'queue'>,
  purpose: Purpose,
  digests: Map<string, string>,
  signal: AbortSignal,
): Promise<Observation> {
  const { key, name, desired } = purpose;
  const plan = desired.state === 'present' ? desired.plan : undefined;
  const observeBuilds = async () => {
    const builds = await ports.queue.waitingFor(key);
    return { builds, images: await observeImages(ports, plan?.images ?? [], builds, digests, signal) };
  };
  const [state, { builds, images }] = await Promise.all([
    ports.cluster.observe(key, name, wantedNamespace(purpose), signal),
    observeBuilds(),
  ]);
  const { namespace, release, workloads, hasDeleteHooks } = state;
  return { observed: { namespace, images, builds, release, workloads }, hasDeleteHooks };
}

async function observeImages(
  { builder, queue }: Pick<Ports, 'builder' | 'queue'>,
  images: readonly PlannedImage[],
  waitingFor: readonly string[],
  digests: Map<string, string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ImageState>> {
  // Asked before the registry: a build that ends in between is then seen as built, not as absent.
  const builds = await queue.builds(images.filter(({ ref }) => !digests.has(ref)).map(({ ref }) => ref));
  const entries = await Promise.all(
    images.map(async ({ name, ref }): Promise<[string, ImageState]> => {
      const digest = digests.get(ref) ?? (await builder.digestOf(ref, signal));
      if (digest === undefined) {
        const build = builds.get(ref) ?? { state: 'absent' };
        // A build that only others wait for is nobody's who would tell us of its end: to start it is to join it.
        return [name, build.state === 'building' && !waitingFor.includes(ref) ? { state: 'absent' } : build];
      }
      digests.set(ref, digest);
      return [name, { state: 'built', digest }];
    }),
  );
  return new Map(entries);
}
