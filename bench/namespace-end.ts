import type { KubernetesApi } from '../src/adapters/kubernetes/api.ts';
import type { Namespace } from '../src/adapters/kubernetes/objects.ts';

/**
 * Starts to watch a namespace; the function that it gives waits for its end.
 * @returns the moment, in the time of `performance.now()`, at which the API server said that the namespace is gone.
 */
export async function watchNamespaceEnd(
  api: KubernetesApi,
  name: string,
  signal: AbortSignal,
): Promise<() => Promise<number>> {
  const path = '/api/v1/namespaces';
  const query = { fieldSelector: `metadata.name=${name}` };
  const { metadata } = await api.list<Namespace>({ path, query }, signal);
  const limits = { resourceVersion: metadata.resourceVersion, timeoutSeconds: 300 };
  const events = api.watch<Namespace>({ path, query: { ...query, ...limits } }, signal);
  const end = lastEvent(events, name);
  // Awaited later: a failure in between is not lost, only told then.
  end.catch(() => undefined);
  return () => end;
}

async function lastEvent(events: ReturnType<KubernetesApi['watch']>, name: string): Promise<number> {
  for await (const { type } of events) if (type === 'DELETED') return performance.now();
  throw new Error(`waiting for the namespace ${name} to go: the watch ended first`);
}
