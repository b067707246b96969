/** Makes a preview's namespace, with everything that must be in it before anything else, and tells whether all of it is there. */
import { setTimeout as delay } from 'node:timers/promises';
import { DiagnosedError } from '../../domain/errors.ts';
import type { NamespaceRequest } from '../../ports.ts';
import type { KubernetesApi } from './api.ts';
import { apiStatusOf } from './api-error.ts';
import { namespacePath } from './collections.ts';
import { fenceAnnotation, fieldManager } from './metadata.ts';
import type { KubernetesObject, Namespace } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { readNamespace } from './own-namespace.ts';
import { ownerKey } from './ownership.ts';
import { hasAnnotations, hasLabels, isAsWanted } from './policy-drift.ts';
import { forbiddenPaths, namespaceObject, type PolicyObject, policyObjects } from './policy-objects.ts';
import { putObject, readObject, removeObject } from './put-object.ts';
import { areSecretsAsWanted, putSecrets } from './secret-copies.ts';

const longestCountMs = 5_000;

interface Quota extends KubernetesObject {
  readonly spec: { readonly hard: Readonly<Record<string, string>> };
  readonly status?: { readonly used?: Readonly<Record<string, string>> };
}

/** Creates or repairs the namespace. Safe to repeat at any point. */
export async function prepareNamespace(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<void> {
  const { name, trust } = request;
  await ensureNamespace(api, options, request, signal);
  const objects = policyObjects(name, options, trust);
  const isBinding = ({ body }: PolicyObject) => body.kind === 'RoleBinding';
  await Promise.all([
    ...objects.filter((it) => !isBinding(it)).map((object) => putObject(api, object, signal)),
    ...forbiddenPaths(name).map((path) => removeForbidden(api, path, signal)),
  ]);
  // Nobody may do anything in the namespace before everything that confines them is there, and counts.
  await quotaCounts(api, name, signal);
  await Promise.all(objects.filter(isBinding).map((object) => putObject(api, object, signal)));
  await putSecrets(api, options, request, signal);
}

/** Whether every object that `prepareNamespace` makes is there as it makes it, and none that it removes. */
export async function arePoliciesAsWanted(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, trust } = request;
  const judged = [
    areSecretsAsWanted(api, options, request, signal),
    ...policyObjects(name, options, trust).map(async ({ path, body }) =>
      isAsWanted(body, await readObject(api, path, signal)),
    ),
    ...forbiddenPaths(name).map(async (path) => (await readObject(api, path, signal)) === undefined),
  ];
  return (await Promise.all(judged)).every(Boolean);
}

/**
 * Waits until the quota is in force: until the cluster has counted what is there, the API server refuses whatever it limits,
 * Helm's own record first of all. It counts at once, so that this is a moment; when it does not, Helm will say so.
 */
async function quotaCounts(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas/berth`;
  for (let pauseMs = 20, waitedMs = 0; waitedMs < longestCountMs; pauseMs *= 2) {
    const quota = await api.json<Quota>({ path }, signal);
    const limited = Object.keys(quota.spec.hard);
    if (limited.every((resource) => quota.status?.used?.[resource] !== undefined)) return;
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    waitedMs += pauseMs;
  }
}

/** Looks first: mostly there is nothing, and a request to delete is one that operators look into. */
async function removeForbidden(api: KubernetesApi, path: string, signal: AbortSignal): Promise<void> {
  if ((await readObject(api, path, signal)) !== undefined) await removeObject(api, path, signal);
}

async function ensureNamespace(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<void> {
  const { name, key } = request;
  const { metadata, ...kind } = namespaceObject(options, request);
  const { labels, annotations = {} } = metadata;
  try {
    await api.json<Namespace>(
      {
        method: 'POST',
        path: '/api/v1/namespaces',
        query: { fieldManager },
        body: { ...kind, metadata: { ...metadata, annotations: { ...annotations, [fenceAnnotation]: '1' } } },
      },
      signal,
    );
    return;
  } catch (error) {
    if (apiStatusOf(error) !== 409) throw error;
  }
  const existing = await readNamespace(api, name, signal);
  if (existing === undefined) throw new Error(`creating namespace ${name}: one of that name was just being removed`);
  const owner = ownerKey(existing, options.instance);
  if (owner?.repositoryId !== key.repositoryId || owner.number !== key.number) {
    throw new DiagnosedError({
      reason: 'NamespaceTaken',
      message: `The namespace \`${name}\` exists already and does not belong to this preview: rename or delete it.`,
    });
  }
  if (existing.metadata.deletionTimestamp !== undefined) {
    throw new Error(`creating namespace ${name}: the one of that name is still being removed`);
  }
  if (hasLabels(existing, labels) && hasAnnotations(existing, annotations)) return;
  await api.json(
    {
      method: 'PATCH',
      path: namespacePath(name),
      contentType: 'application/merge-patch+json',
      body: { metadata: { uid: existing.metadata.uid, labels, annotations } },
    },
    signal,
  );
}
