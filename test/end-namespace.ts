import type { KubernetesApi } from '../src/adapters/kubernetes/api.ts';
import { ignoring } from '../src/adapters/kubernetes/api-error.ts';

const timeoutMs = 30_000;

/**
 * Deletes a namespace, and its pods without the half minute of grace that it would give them: until they are gone the cluster
 * looks at it again and again, and into each kind of object in it every time. Does not wait for its end; one that is gone is fine.
 */
export async function endNamespace(api: Pick<KubernetesApi, 'json'>, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  const remove = (from: string) =>
    ignoring([404, 409], () =>
      api.json({ method: 'DELETE', path: from, body: { gracePeriodSeconds: 0 } }, AbortSignal.timeout(timeoutMs)),
    );
  await remove(path);
  await remove(`${path}/pods`);
}
