/** The number on a namespace that tells workers apart: whoever raised it last may write. */
import { randomUUID } from 'node:crypto';
import { FencedError } from '../../domain/errors.ts';
import type { FenceState } from '../../ports.ts';
import type { KubernetesApi } from './api.ts';
import { fenceAnnotation, fenceHolderAnnotation } from './metadata.ts';
import type { Metadata, Namespace } from './objects.ts';
import { annotate, pointer, readOwnNamespace } from './own-namespace.ts';

/** Other writes to the namespace may come between look and patch; many in a row do not happen. */
const attempts = 5;

/** The fence of the namespace that is not being removed, if there is one among these. */
export function fenceState(namespaces: readonly Namespace[]): FenceState | undefined {
  const active = namespaces.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  return active && { name: active.metadata.name, uid: active.metadata.uid, number: numberOf(active.metadata) };
}

/**
 * Raises the fence by one. An answer may be lost after the number was raised: who did it is written beside it, so that
 * the winner knows itself. @throws FencedError when somebody else has raised it, or the namespace is gone.
 */
export async function raiseFence(
  api: KubernetesApi,
  instance: string,
  fence: FenceState,
  signal: AbortSignal,
): Promise<FenceState> {
  const raised = { ...fence, number: fence.number + 1 };
  const holder = randomUUID();
  for (let nth = 0; nth < attempts; nth += 1) {
    const { metadata } = await readOwn(api, instance, fence, signal);
    const isOurs = metadata.annotations?.[fenceHolderAnnotation] === holder;
    if (isOurs && numberOf(metadata) === raised.number) return raised;
    checkNumber(metadata, fence);
    const present = metadata.annotations?.[fenceAnnotation];
    const isRaised = await annotate(
      api,
      instance,
      fence.name,
      { [fenceAnnotation]: String(raised.number), [fenceHolderAnnotation]: holder },
      [
        { path: '/metadata/uid', value: fence.uid },
        ...(present === undefined
          ? // Without the annotation there is nothing to compare but the whole object.
            [{ path: '/metadata/resourceVersion', value: metadata.resourceVersion }]
          : [{ path: pointer('annotations', fenceAnnotation), value: present }]),
      ],
      signal,
    );
    if (isRaised) return raised;
  }
  throw new Error(`raising the fence of ${fence.name}: the namespace was changed by others ${attempts} times in a row`);
}

/** @throws FencedError when the fence has another number by now, or the namespace is gone. */
export async function checkFence(
  api: KubernetesApi,
  instance: string,
  fence: FenceState,
  signal: AbortSignal,
): Promise<void> {
  checkNumber((await readOwn(api, instance, fence, signal)).metadata, fence);
}

/**
 * Sets annotations of the namespace if the fence is still this one, in one step. Repeated, it does the same again.
 * @throws FencedError when it is another one by now, or the namespace is gone.
 */
export async function annotateFenced(
  api: KubernetesApi,
  instance: string,
  fence: FenceState,
  annotations: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const expected = [
    { path: '/metadata/uid', value: fence.uid },
    { path: pointer('annotations', fenceAnnotation), value: String(fence.number) },
  ];
  if (await annotate(api, instance, fence.name, annotations, expected, signal)) return;
  await checkFence(api, instance, fence, signal);
  throw new Error(`writing on namespace ${fence.name}: its fence is not written as ours is`);
}

async function readOwn(
  api: KubernetesApi,
  instance: string,
  { name, uid }: FenceState,
  signal: AbortSignal,
): Promise<Namespace> {
  const namespace = await readOwnNamespace(api, instance, name, uid, signal);
  if (namespace === undefined) throw new FencedError(`namespace ${name} with UID ${uid} does not exist any more`);
  return namespace;
}

function checkNumber(metadata: Metadata, { name, number }: FenceState): void {
  const present = numberOf(metadata);
  if (present !== number) throw new FencedError(`the fence of ${name} is ${present}, ours was ${number}`);
}

function numberOf({ annotations }: Metadata): number {
  const number = Number(annotations?.[fenceAnnotation] ?? 0);
  return Number.isSafeInteger(number) ? number : 0;
}
