import type { KubernetesApi } from '../src/adapters/kubernetes/api.ts';
import { apiStatusOf } from '../src/adapters/kubernetes/api-error.ts';

const timeoutMs = 30_000;

/**
 * Deletes a namespace, and its pods without the half minute of grace that it would give them: until they are gone the cluster
 * looks at it again and again, with a hundred requests each time. Does not wait for its end; one that is gone is fine.
 */
export async function endNamespace(api: Pick<KubernetesApi, 'json'>, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  const remove = (from: string) =>
    api
      .json({ method: 'DELETE', path: from, body: { gracePeriodSeconds: 0 } }, AbortSignal.timeout(timeoutMs))
      .catch((error: unknown) => {
        if (apiStatusOf(error) !== 404 && apiStatusOf(error) !== 409) throw error;
      });
  await remove(path);
  await remove(`${path}/pods`);
}
