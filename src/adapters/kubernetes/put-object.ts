/** Makes an object of ours what it should be, whatever it was. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from './api.ts';
import { ApiError, apiStatusOf } from './api-error.ts';
import { fieldManager } from './metadata.ts';
import type { KubernetesObject } from './objects.ts';
import { isAsWanted } from './policy-drift.ts';
import type { PolicyObject } from './policy-objects.ts';

/** How long the cluster may take to know that an account has got its rights. */
const longestGrantMs = 5_000;

/** The object, `undefined` when there is none. */
export async function readObject(
  api: KubernetesApi,
  path: string,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  try {
    return await api.json<KubernetesObject>({ path }, signal);
  } catch (error) {
    if (apiStatusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Makes or mends the object; `asUser` is who is to do it, ourselves when left out. */
export async function putObject(
  api: KubernetesApi,
  object: PolicyObject,
  signal: AbortSignal,
  asUser?: string,
): Promise<void> {
  const { path, body } = object;
  const who = asUser === undefined ? {} : { asUser };
  const applied = await apply(api, object, who, signal);
  if (isAsWanted(body, applied)) return;
  // Applying leaves alone what others have put beside our fields, such as a quota's scopes.
  const { apiVersion: _, kind, metadata: __, ...fields } = body;
  const operations = Object.entries(fields).map(([field, value]) => ({ op: 'add', path: `/${field}`, value }));
  const contentType = 'application/json-patch+json';
  const replaced = await api.json<KubernetesObject>(
    { method: 'PATCH', path, contentType, body: operations, ...who },
    signal,
  );
  if (!isAsWanted(body, replaced)) throw new Error(`preparing ${kind} ${path}: the API server keeps it different`);
}

/** Removes the object; one that is not there is success. */
export async function removeObject(
  api: KubernetesApi,
  path: string,
  signal: AbortSignal,
  asUser?: string,
): Promise<void> {
  try {
    await api.json({ method: 'DELETE', path, ...(asUser === undefined ? {} : { asUser }) }, signal);
  } catch (error) {
    if (apiStatusOf(error) !== 404) throw error;
  }
}

/** Makes what is missing and takes back what was changed, in one call. */
async function apply(
  api: KubernetesApi,
  { path, body }: PolicyObject,
  who: { readonly asUser?: string },
  signal: AbortSignal,
): Promise<KubernetesObject> {
  const request = {
    method: 'PATCH',
    path,
    query: { fieldManager, force: true },
    contentType: 'application/apply-patch+yaml',
    body,
    ...who,
  } as const;
  for (let pauseMs = 50, waitedMs = 0; ; pauseMs *= 2) {
    try {
      return await api.json<KubernetesObject>(request, signal);
    } catch (error) {
      // Some fields cannot be changed: the role of a binding, which the operator has renamed; the type of a Secret.
      if (apiStatusOf(error) === 422 && waitedMs === 0) {
        await removeObject(api, path, signal, who.asUser);
      } else if (who.asUser === undefined || !isForbidden(error) || waitedMs >= longestGrantMs) {
        throw error;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      waitedMs += pauseMs;
    }
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}
