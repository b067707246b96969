/** A current copy of a collection: listed, then watched from there, and listed again whenever that is in doubt. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiRequest, KubernetesApi } from './api.ts';
import type { KubernetesObject } from './objects.ts';

export interface Reflection<T> {
  /** Called with the whole collection, by UID, after the first list and after each change. */
  onChange(objects: ReadonlyMap<string, T>): void;
  /** How long a watch is believed; the collection is listed again afterwards, because a watch may hang silently. */
  readonly relistMs: number;
  /** The server is asked to end the watch after `relistMs`; this much later it counts as hung. 5 s when left out. */
  readonly hangMs?: number;
  /** Objects that are not worth keeping. */
  readonly ignores?: (object: T) => boolean;
}

/** A server that is down is asked again this soon at first, then ever more seldom. */
const firstPauseMs = 200;
const longestPauseMs = 5_000;
/** A watch that lived this long was a good one: whatever ended it, there is no reason to wait. */
const goodWatchMs = 5_000;
const usualHangMs = 5_000;

/**
 * Reflects a collection until the signal is aborted, then resolves.
 * @throws when the very first list fails; afterwards every failure leads to another list.
 */
export async function reflect<T extends KubernetesObject>(
  api: KubernetesApi,
  collection: Pick<ApiRequest, 'path' | 'query' | 'accept'>,
  reflection: Reflection<T>,
  signal: AbortSignal,
): Promise<void> {
  const keep = (object: T) => !reflection.ignores?.(object);
  let listed = false;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const startedAtMs = Date.now();
    try {
      const list = await api.list<T>(collection, signal);
      const objects = new Map(list.items.filter(keep).map((object) => [object.metadata.uid, object]));
      listed = true;
      reflection.onChange(objects);
      await follow(list.metadata.resourceVersion, objects);
    } catch (error) {
      if (signal.aborted) return;
      if (!listed) throw error;
      // Expired (410), disconnected, hung or refused: the next list tells what was missed.
    }
    if (Date.now() - startedAtMs >= goodWatchMs) {
      pauseMs = firstPauseMs;
      continue;
    }
    // Rejects only when aborted, which the loop's condition sees.
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }

  async function follow(resourceVersion: string, objects: Map<string, T>): Promise<void> {
    const hung = AbortSignal.timeout(reflection.relistMs + (reflection.hangMs ?? usualHangMs));
    const query = {
      ...collection.query,
      resourceVersion,
      timeoutSeconds: Math.ceil(reflection.relistMs / 1000),
    };
    for await (const { type, object } of api.watch<T>({ ...collection, query }, AbortSignal.any([signal, hung]))) {
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') objects.delete(object.metadata.uid);
      else if (keep(object)) objects.set(object.metadata.uid, object);
      reflection.onChange(objects);
    }
  }
}
