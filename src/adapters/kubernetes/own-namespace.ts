/** Reading and writing a namespace of ours; every write says which one it means, and whose. */
import type { PreviewKey } from '../../domain/preview.ts';
import type { KubernetesApi } from './api.ts';
import { apiStatusOf } from './api-error.ts';
import { namespacePath } from './collections.ts';
import { instanceLabel, managedByBerth, managedByLabel } from './metadata.ts';
import type { Namespace } from './objects.ts';
import { ownerKey } from './ownership.ts';

/** The namespace of that name, `undefined` when there is none. */
export async function readNamespace(
  api: KubernetesApi,
  name: string,
  signal: AbortSignal,
): Promise<Namespace | undefined> {
  try {
    return await api.json<Namespace>({ path: namespacePath(name) }, signal);
  } catch (error) {
    if (apiStatusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The namespace, `undefined` when the one with this UID does not exist. @throws when it is not ours. */
export async function readOwnNamespace(
  api: KubernetesApi,
  instance: string,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<(Namespace & { readonly key: PreviewKey }) | undefined> {
  const namespace = await readNamespace(api, name, signal);
  if (namespace === undefined || namespace.metadata.uid !== uid) return undefined;
  const key = ownerKey(namespace, instance);
  if (key === undefined) throw new Error(`namespace ${name} is not ours: it lacks the labels of instance ${instance}`);
  return { ...namespace, key };
}

/** What must still be so when a change is made: paths of JSON Patch, and the values there. */
export type Expected = readonly { readonly path: string; readonly value: string }[];

/**
 * Sets annotations of a namespace of ours, in one atomic step that also tests that it is ours and as expected.
 * @returns false when it is not, true when the annotations are set.
 */
export async function annotate(
  api: KubernetesApi,
  instance: string,
  name: string,
  annotations: Readonly<Record<string, string>>,
  expected: Expected,
  signal: AbortSignal,
): Promise<boolean> {
  const tests = [
    { path: pointer('labels', managedByLabel), value: managedByBerth },
    { path: pointer('labels', instanceLabel), value: instance },
    ...expected,
  ].map((test) => ({ op: 'test', ...test }));
  const changes = Object.entries(annotations).map(([annotation, value]) => ({
    op: 'add',
    path: pointer('annotations', annotation),
    value,
  }));
  try {
    await api.json(
      {
        method: 'PATCH',
        path: namespacePath(name),
        contentType: 'application/json-patch+json',
        body: [...tests, ...changes],
      },
      signal,
    );
    return true;
  } catch (error) {
    // A test that fails makes the patch "invalid".
    if (apiStatusOf(error) === 422) return false;
    throw error;
  }
}

/** Where a label or annotation is, for JSON Patch (RFC 6901). */
export function pointer(field: 'labels' | 'annotations', name: string): string {
  return `/metadata/${field}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
