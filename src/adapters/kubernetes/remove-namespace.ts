/** Removes a preview's namespace, and waits for it to be gone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from './api.ts';
import { apiStatusOf, ignoring } from './api-error.ts';
import { corePath, metadataOnly, namespacePath } from './collections.ts';
import { timeMs } from './finding.ts';
import type { KubernetesObject, Namespace } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { readNamespace, readOwnNamespace } from './own-namespace.ts';

/** However quiet the watch is, the namespace is looked at again. */
const lookAgainMs = 5_000;
const firstPauseMs = 200;
const attempts = 5;
/** What the kubelet needs to kill a container, beyond its grace; in all well before the removal's first look at 5 s. */
const killMs = 1_500;

/** Starts the removal of the namespace with this UID; another one of the same name is not touched. */
export async function deleteNamespace(
  api: KubernetesApi,
  options: KubernetesOptions,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  for (let nth = 1; ; nth += 1) {
    const namespace = await readOwnNamespace(api, options.instance, name, uid, signal);
    if (namespace === undefined) return;
    if (namespace.metadata.deletionTimestamp !== undefined) break;
    if (nth > attempts) throw new Error(`deleting namespace ${name}: refused as a conflict ${attempts} times in a row`);
    // A conflict may mean another UID, a removal under way, or nothing but a race inside the server: the next look tells.
    await ignoring([404, 409], () =>
      api.json({ method: 'DELETE', path: namespacePath(name), body: { preconditions: { uid } } }, signal),
    );
  }
  // From here on nothing new can be created in it, so that the pods that are there are all. The namespace's own removal
  // would grant each one its full grace: 30 s by default.
  await deletePods(api, options, name, uid, options.podGraceSeconds, signal);
}

/**
 * Deletes the pods of the namespace with this UID, each one by its own: meanwhile the namespace may have gone, and another
 * one of its name may have pods that somebody needs. Deleting the whole collection would take those.
 */
async function deletePods(
  api: KubernetesApi,
  options: KubernetesOptions,
  name: string,
  uid: string,
  gracePeriodSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await api.list<KubernetesObject>({ path: corePath(name, 'pods'), accept: metadataOnly }, signal);
  if (items.length === 0) return;
  // UIDs do not come back: if the namespace still is this one, it was this one when its pods were listed.
  if ((await readOwnNamespace(api, options.instance, name, uid, signal)) === undefined) return;
  await Promise.all(
    items.map(({ metadata: pod }) => {
      const path = `${corePath(name, 'pods')}/${encodeURIComponent(pod.name)}`;
      const body = { gracePeriodSeconds, preconditions: { uid: pod.uid } };
      return ignoring([404, 409], () => api.json({ method: 'DELETE', path, body }, signal));
    }),
  );
}

/**
 * Resolves when the namespace with this UID does not exist any more. Meanwhile, pods that have had their grace are taken
 * off the API server's books: it waits for the kubelet to tidy up after them, and then looks only every 10 to 15 s.
 */
export async function namespaceGone(
  api: KubernetesApi,
  options: KubernetesOptions,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const letGo = letPodsGo(api, options, name, uid, AbortSignal.any([signal, done.signal]));
  try {
    let namespace = await readNamespace(api, name, signal);
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, lookAgainMs)) {
      if (namespace?.metadata.uid !== uid) return;
      const startedAtMs = Date.now();
      if (await watchedEnd(api, namespace, signal)) return;
      // A watch that ends at once must not become a busy loop.
      if (Date.now() - startedAtMs >= lookAgainMs) pauseMs = firstPauseMs;
      else await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      namespace = await lookAgain(api, namespace, signal);
    }
  } finally {
    done.abort();
    await letGo;
  }
}

/** The namespace of that name now, or as it was while the API server cannot say. */
async function lookAgain(
  api: KubernetesApi,
  namespace: Namespace,
  signal: AbortSignal,
): Promise<Namespace | undefined> {
  try {
    return await readNamespace(api, namespace.metadata.name, signal);
  } catch (error) {
    signal.throwIfAborted();
    const status = apiStatusOf(error);
    if (status !== undefined && status < 500 && status !== 429) throw error;
    return namespace;
  }
}

/** Removes what is left of the pods of a namespace of ours once their containers must have been killed. */
async function letPodsGo(
  api: KubernetesApi,
  options: KubernetesOptions,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const namespace = await readOwnNamespace(api, options.instance, name, uid, signal);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    const killedAtMs = timeMs(namespace.metadata.deletionTimestamp) + options.podGraceSeconds * 1000 + killMs;
    await delay(Math.max(0, killedAtMs - Date.now()), undefined, { signal });
    await deletePods(api, options, name, uid, 0, signal);
  } catch {
    // This only makes the removal quicker: without it the namespace goes all the same, or the wait says why not.
  }
}

/** Whether the removal was seen; false when the watch ended first, for whatever reason. */
async function watchedEnd(api: KubernetesApi, namespace: Namespace, signal: AbortSignal): Promise<boolean> {
  const { name, uid, resourceVersion } = namespace.metadata;
  const query = { fieldSelector: `metadata.name=${name}`, resourceVersion, timeoutSeconds: lookAgainMs / 1000 };
  const hung = AbortSignal.timeout(2 * lookAgainMs);
  try {
    const request = { path: '/api/v1/namespaces', query };
    for await (const { type, object } of api.watch<Namespace>(request, AbortSignal.any([signal, hung]))) {
      if (type === 'DELETED' && object.metadata.uid === uid) return true;
    }
  } catch (error) {
    signal.throwIfAborted();
    // Forbidden will stay so; anything else is told by the next look.
    if (apiStatusOf(error) === 403) throw error;
  }
  return false;
}
