/** The kinds of waiting that a pass does, each bounded, each ended by the signal. */
import { formatDuration } from '../domain/duration.ts';
import { keyId, type Desired, type Diagnosis, type Observed, type PreviewKey, type Step } from '../domain/preview.ts';
import { overdueDiagnosis } from '../domain/status-of.ts';
import type { Pass } from './actions.ts';
import type { Limits, Ports } from './ports.ts';

export type WaitStep = Step & { readonly do: 'wait' };

/** `changed`: look again. `later`: end the pass, a trigger will come. `overdue`: look a last time, then give up. */
export type WaitOutcome = 'changed' | 'later' | 'overdue';

export interface Patience {
  /** In all; infinite when something else bounds the waiting. */
  readonly timeoutMs: number;
  /** What is left of it. 0 for a preview that was given up before: whatever it becomes, nobody waits for it any more. */
  readonly leftMs: number;
}

/** How often to ask for an image that is built elsewhere; registries cannot be watched. */
const imageRetryMs = 10_000;
/** How often to ask for a namespace that was given up. When it goes at last, no list would lead us to it any more. */
const stuckRetryMs = 30_000;
const dayMs = 24 * 60 * 60 * 1000;

/** How long a wait may still take. It begins with the first pass that waits for the same thing, and is then remembered. */
export async function patienceFor(
  ports: Pick<Ports, 'store' | 'clock'>,
  { key, desired, limits }: Pick<Pass, 'key' | 'desired' | 'limits'>,
  step: WaitStep,
  observed: Observed,
): Promise<Patience> {
  const { subject, timeoutMs } = subjectOf(step, desired, observed, limits);
  if (timeoutMs === Infinity) return { timeoutMs, leftMs: timeoutMs };
  return { timeoutMs, leftMs: await timeLeft(ports, key, subject, timeoutMs) };
}

/** Waits as long as `leftMs` at most. */
export async function wait(
  { cluster, queue, clock }: Pick<Ports, 'cluster' | 'queue' | 'clock'>,
  { key, signal }: Pick<Pass, 'key' | 'signal'>,
  step: WaitStep,
  { namespace }: Observed,
  leftMs: number,
): Promise<WaitOutcome> {
  switch (step.for) {
    case 'builds':
      // Each build triggers everybody who waits for it when it ends.
      return 'later';
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
  step: WaitStep,
  observed: Observed,
  timeoutMs: number,
): Promise<Diagnosis> {
  if (step.for === 'namespace') await queue.trigger(key, { delayMs: stuckRetryMs });
  return overdueDiagnosis(step, observed, formatDuration(timeoutMs));
}

/** Where the store keeps since when a preview has been waiting for what. Forgotten when the preview has settled. */
export function waitingKey(key: PreviewKey): string {
  return `waiting:${keyId(key)}`;
}

function subjectOf(
  step: WaitStep,
  desired: Desired,
  { images, namespace }: Observed,
  limits: Limits,
): { readonly subject: string; readonly timeoutMs: number } {
  const uid = 'uid' in namespace ? namespace.uid : '';
  const plan = desired.state === 'present' ? desired.plan : undefined;
  switch (step.for) {
    case 'builds':
      return { subject: '', timeoutMs: Infinity };
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
  return Math.max(0, since + timeoutMs - clock.now());
}
