/** The three kinds of waiting that a pass does, each bounded, each ended by the signal. */
import { formatDuration } from '../domain/duration.ts';
import { keyId, type PreviewKey } from '../domain/preview.ts';
import type { Pass } from './actions.ts';
import type { Ports } from './ports.ts';

/** `changed`: look again. `later`: end the pass, a trigger will come. `after`: waited this long, give up. */
export type WaitOutcome = 'changed' | 'later' | { readonly after: string };

/** How often to ask for an image that is built elsewhere; registries cannot be watched. */
const imageRetryMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;

/** Follows the workloads until they are ready or certain to fail. A preview given up before is only looked at once. */
export async function waitForWorkloads(
  { cluster, store, clock }: Pick<Ports, 'cluster' | 'store' | 'clock'>,
  namespace: string,
  { key, desired, signal }: Pick<Pass, 'key' | 'desired' | 'signal'>,
  timeoutMs: number,
): Promise<WaitOutcome> {
  const revision = desired.state === 'present' ? desired.revision : '';
  const leftMs = await timeLeft({ store, clock }, key, `workloads of ${revision}`, timeoutMs);
  const overdue = AbortSignal.timeout(leftMs);
  try {
    for await (const { state } of cluster.watchWorkloads(namespace, AbortSignal.any([signal, overdue]))) {
      if (state !== 'progressing') return 'changed';
    }
    return 'changed';
  } catch (error) {
    signal.throwIfAborted();
    if (overdue.aborted) return { after: formatDuration(timeoutMs) };
    throw error;
  }
}

/** Follows a namespace until it is gone. */
export async function waitForNamespace(
  { cluster }: Pick<Ports, 'cluster'>,
  { name, uid }: { readonly name: string; readonly uid: string },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<WaitOutcome> {
  const overdue = AbortSignal.timeout(timeoutMs);
  try {
    await cluster.namespaceGone(name, uid, AbortSignal.any([signal, overdue]));
    return 'changed';
  } catch (error) {
    signal.throwIfAborted();
    if (overdue.aborted) return { after: formatDuration(timeoutMs) };
    throw error;
  }
}

/** Asks again in a while for images that are built elsewhere. */
export async function waitForImages(
  { queue, store, clock }: Pick<Ports, 'queue' | 'store' | 'clock'>,
  key: PreviewKey,
  refs: readonly string[],
  timeoutMs: number,
): Promise<WaitOutcome> {
  const leftMs = await timeLeft({ store, clock }, key, `images ${refs.join(' ')}`, timeoutMs);
  if (leftMs === 0) return { after: formatDuration(timeoutMs) };
  await queue.trigger(key, { delayMs: imageRetryMs });
  return 'later';
}

/** Where the store keeps since when a preview has been waiting for what. Forgotten when the preview has settled. */
export function waitingKey(key: PreviewKey): string {
  return `waiting:${keyId(key)}`;
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
