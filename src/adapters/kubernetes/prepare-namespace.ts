/** Makes a preview's namespace, with everything that must be in it before anything else. */
import { DiagnosedError } from '../../domain/errors.ts';
import type { NamespaceRequest } from '../../ports.ts';
import type { KubernetesApi } from './api.ts';
import { apiStatusOf } from './api-error.ts';
import { namespacePath } from './collections.ts';
import { fenceAnnotation, fieldManager, preparedAnnotation, repositoryAnnotation } from './metadata.ts';
import type { Namespace } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { annotate, readNamespace } from './own-namespace.ts';
import { ownerKey, ownLabels } from './ownership.ts';
import { podSecurityLabels, policyObjects, preparedHash } from './policy-objects.ts';

/** Creates or repairs the namespace. Safe to repeat at any point. */
export async function prepareNamespace(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<void> {
  const { name } = request;
  const { uid } = await ensureNamespace(api, options, request, signal);
  await Promise.all(
    policyObjects(name, options).map(({ path, body }) =>
      api.json(
        {
          method: 'PATCH',
          path,
          // Applying makes what is missing and takes back what was changed, in one call; it also does not wait for the
          // controller that makes the `default` service account.
          query: { fieldManager, force: true },
          contentType: 'application/apply-patch+yaml',
          body,
        },
        signal,
      ),
    ),
  );
  const prepared = { [preparedAnnotation]: preparedHash(options) };
  const isOurs = await annotate(api, options.instance, name, prepared, [{ path: '/metadata/uid', value: uid }], signal);
  if (!isOurs) throw new Error(`preparing namespace ${name}: it was replaced meanwhile`);
}

async function ensureNamespace(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<{ readonly uid: string }> {
  const { name, key, repository } = request;
  const labels = { ...podSecurityLabels(options), ...ownLabels(options.instance, key) };
  const annotations = { [repositoryAnnotation]: `${repository.owner}/${repository.name}` };
  try {
    const created = await api.json<Namespace>(
      {
        method: 'POST',
        path: '/api/v1/namespaces',
        query: { fieldManager },
        body: {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name, labels, annotations: { ...annotations, [fenceAnnotation]: '1' } },
        },
      },
      signal,
    );
    return created.metadata;
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
  const present = existing.metadata.labels ?? {};
  if (Object.entries(labels).some(([label, value]) => present[label] !== value)) {
    await api.json(
      {
        method: 'PATCH',
        path: namespacePath(name),
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid: existing.metadata.uid, labels } },
      },
      signal,
    );
  }
  return existing.metadata;
}
