/** The number on a namespace that tells workers apart: whoever raised it last may write. */
import { FencedError } from '../../domain/errors.ts';
import type { KubernetesApi } from './api.ts';
import { fenceAnnotation } from './metadata.ts';
import { annotate, pointer, readOwnNamespace } from './own-namespace.ts';

/** Two workers that raise at once need one more look each; many more than that do not happen. */
const attempts = 20;

/** Raises the fence by one and returns it; `undefined` when there is no such namespace. */
export async function raiseFence(
  api: KubernetesApi,
  instance: string,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let nth = 0; nth < attempts; nth += 1) {
    const namespace = await readOwnNamespace(api, instance, name, uid, signal);
    if (namespace === undefined) return undefined;
    const present = namespace.metadata.annotations?.[fenceAnnotation];
    const fence = fenceOf(present) + 1;
    const isRaised = await annotate(
      api,
      instance,
      name,
      { [fenceAnnotation]: String(fence) },
      [
        { path: '/metadata/uid', value: uid },
        ...(present === undefined
          ? // Without the annotation there is nothing to compare but the whole object.
            [{ path: '/metadata/resourceVersion', value: namespace.metadata.resourceVersion }]
          : [{ path: pointer('annotations', fenceAnnotation), value: present }]),
      ],
      signal,
    );
    if (isRaised) return fence;
  }
  throw new Error(`raising the fence of ${name}: it was raised by others ${attempts} times in a row`);
}

/** @throws FencedError when the fence is no longer `fence`, or the namespace is gone. */
export async function checkFence(
  api: KubernetesApi,
  instance: string,
  name: string,
  uid: string,
  fence: number,
  signal: AbortSignal,
): Promise<void> {
  const namespace = await readOwnNamespace(api, instance, name, uid, signal);
  if (namespace === undefined) throw new FencedError(`namespace ${name} with UID ${uid} does not exist any more`);
  const present = fenceOf(namespace.metadata.annotations?.[fenceAnnotation]);
  if (present !== fence) throw new FencedError(`the fence of ${name} is ${present}, ours was ${fence}`);
}

function fenceOf(text: string | undefined): number {
  const fence = Number(text ?? 0);
  return Number.isSafeInteger(fence) ? fence : 0;
}
