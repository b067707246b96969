import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { apiGet, jsonOf } from './api.ts';
import type { ApiAccess } from './api.ts';

/** What every Kubernetes object has. */
export interface KubernetesObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string };
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: unknown };

/**
 * Keeps `objects` equal to a collection, for ever; keys are `namespace/name`.
 *
 * Calls `onChange` after each change and `onFirstList` when it is complete for the first time. A broken connection and
 * an outdated version both end in listing again.
 */
export async function follow<T extends KubernetesObject>(
  access: ApiAccess,
  collection: string,
  objects: Map<string, T>,
  onChange: () => void,
  onFirstList: () => void,
): Promise<never> {
  let first = true;
  for (;;) {
    try {
      const list = await jsonOf<List<T>>(await apiGet(access, collection));
      objects.clear();
      for (const item of list.items) objects.set(keyOf(item), item);
      if (first) onFirstList();
      else onChange();
      first = false;
      await watch(access, collection, list.metadata.resourceVersion, objects, onChange);
    } catch (error) {
      console.error(`following ${collection}:`, error);
      await delay(500);
    }
  }
}

async function watch<T extends KubernetesObject>(
  access: ApiAccess,
  collection: string,
  resourceVersion: string,
  objects: Map<string, T>,
  onChange: () => void,
): Promise<void> {
  const answer = await apiGet(access, `${collection}?watch=1&resourceVersion=${resourceVersion}`);
  for await (const line of createInterface({ input: answer })) {
    const event = JSON.parse(line) as WatchEvent<T>;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        objects.set(keyOf(event.object), event.object);
        break;
      case 'DELETED':
        objects.delete(keyOf(event.object));
        break;
      case 'BOOKMARK':
        continue;
      case 'ERROR':
        return;
    }
    onChange();
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
