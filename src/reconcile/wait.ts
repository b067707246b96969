/** The kinds of waiting that a pass does, each bounded, each ended by the signal. */
import { formatDuration } from '../domain/duration.ts';
import { keyId, type Desired, type Diagnosis, type Observed, type PreviewKey } from '../domain/preview.ts';
import { type Bounded, overdueDiagnosis } from '../domain/status-of.ts';
import type { Pass } from './actions.ts';
import type { Limits, Ports } from './ports.ts';

/** `changed`: look again. `later`: end the pass, a trigger will come. `overdue`: look a last time, then give up. */
export type WaitOutcome = 'changed' | 'later' | 'overdue';

export interface Patience {
  /** In all. */
  readonly timeoutMs: number;
  /** What is left of it. Not positive for a preview that was given up before: nobody waits for it any more. */
  readonly leftMs: number;
}

/** How often to ask for an image that is built elsewhere; registries cannot be watched. */
const imageRetryMs = 10_000;
/** How soon to ask again for a namespace that was given up: after a quarter of the time that it has been going. */
const stuckRetryMs = { least: 30_000, most: 15 * 60_000 } as const;
const dayMs = 24 * 60 * 60 * 1000;

/** How long a wait may still take. It begins with the first pass that waits for the same thing, and is then remembered. */
export async function patienceFor(
  ports: Pick<Ports, 'store' | 'clock'>,
  { key, desired, limits }: Pick<Pass, 'key' | 'desired' | 'limits'>,
  awaited: Bounded,
  observed: Observed,
): Promise<Patience> {
  const { subject, timeoutMs } = subjectOf(awaited, desired, observed, limits);
  return { timeoutMs, leftMs: await timeLeft(ports, key, subject, timeoutMs) };
}

/** Waits as long as `leftMs` at most. */
export async function wait(
  { cluster, queue, clock }: Pick<Ports, 'cluster' | 'queue' | 'clock'>,
  { key, signal }: Pick<Pass, 'key' | 'signal'>,
  awaited: Bounded,
  { namespace }: Observed,
  leftMs: number,
): Promise<WaitOutcome> {
  switch (awaited) {
    case 'images':
      await queue.trigger(key, { delayMs: imageRetryMs });
      return 'later';
    case 'workloads':
      if (namespace.state !== 'active') return 'changed';
      return atMost(clock.timeout(leftMs), signal, (bounded) => workloadsDecided(cluster, namespace.name, bounded));
    case 'namespace':
      if (namespace.state !== 'terminating') return 'changed';
      return atMost(clock.timeout(leftMs), signal, (bounded) =>
        cluster.namespaceGone(namespace.name, namespace.uid, bounded),
      );
  }
}

/** Gives up waiting. What is given up is found again by the sweep, or by the trigger that this leaves. */
export async function giveUp(
  { queue }: Pick<Ports, 'queue'>,
  { key }: Pick<Pass, 'key'>,
  awaited: Bounded,
  observed: Observed,
  { timeoutMs, leftMs }: Patience,
): Promise<Diagnosis> {
  if (awaited === 'namespace') {
    const delayMs = Math.min(Math.max((timeoutMs - leftMs) / 4, stuckRetryMs.least), stuckRetryMs.most);
    await queue.trigger(key, { delayMs: Math.round(delayMs) });
  }
  return overdueDiagnosis(awaited, observed, formatDuration(timeoutMs));
}

/** Where the store keeps since when a preview has been waiting for what. Forgotten when the preview has settled. */
export function waitingKey(key: PreviewKey): string {
  return `waiting:${keyId(key)}`;
}

function subjectOf(
  awaited: Bounded,
  desired: Desired,
  { images, namespace }: Observed,
  limits: Limits,
): { readonly subject: string; readonly timeoutMs: number } {
  const uid = 'uid' in namespace ? namespace.uid : '';
  const plan = desired.state === 'present' ? desired.plan : undefined;
  switch (awaited) {
    case 'images': {
      const missing = plan?.images.filter(({ name }) => images.get(name)?.state !== 'built') ?? [];
      return { subject: `images ${missing.map(({ ref }) => ref).join(' ')}`, timeoutMs: limits.imageTimeoutMs };
    }
    case 'workloads':
      return { subject: `workloads of ${plan?.revision} in ${uid}`, timeoutMs: limits.readyTimeoutMs };
    case 'namespace':
      return { subject: `namespace ${uid}`, timeoutMs: limits.removalTimeoutMs };
  }
}

/** Follows the workloads until they are ready or certain to fail. */
async function workloadsDecided(cluster: Ports['cluster'], namespace: string, signal: AbortSignal): Promise<void> {
  for await (const { state } of cluster.watchWorkloads(namespace, signal)) if (state !== 'progressing') return;
}

/** Runs `work` with a signal that also ends it when the time is up. */
async function atMost(
  timeUp: AbortSignal,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<'changed' | 'overdue'> {
  try {
    await work(AbortSignal.any([signal, timeUp]));
    return 'changed';
  } catch (error) {
    signal.throwIfAborted();
    if (timeUp.aborted) return 'overdue';
    throw error;
  }
}

/** What is left of a time that began when it was first asked for; a cache, so an emptied store starts it anew. */
async function timeLeft(
  { store, clock }: Pick<Ports, 'store' | 'clock'>,
  key: PreviewKey,
  subject: string,
  timeoutMs: number,
): Promise<number> {
  const known = await store.get(waitingKey(key));
  const [since, what] = known === undefined ? [] : [Number.parseInt(known, 10), known.slice(known.indexOf(' ') + 1)];
  if (since === undefined || what !== subject) {
    await store.set(waitingKey(key), `${clock.now()} ${subject}`, Math.max(dayMs, 2 * timeoutMs));
    return timeoutMs;
  }
  return since + timeoutMs - clock.now();
}
