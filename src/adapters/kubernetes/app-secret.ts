/** The Secret with the credentials of the GitHub App, as `berth setup` writes it and the chart mounts it. */
import { type KubernetesApi, kubernetesApi } from './api.ts';
import { ApiError, apiStatusOf } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { namespaceNameLabel } from './survey.ts';
import { corePath, namespacePath } from './collections.ts';
import { fieldManager, managedByLabel } from './metadata.ts';
import type { KubernetesObject } from './objects.ts';
import { readObject } from './put-object.ts';

/** What is in the Secret; the chart's `github.existingSecret` expects these keys. */
export interface AppCredentials {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** The App's page, noted beside the credentials. */
  readonly htmlUrl: string;
  readonly apiUrl: string;
}

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** What is there under the name. */
export type AppSecretState =
  | { readonly state: 'absent' }
  | { readonly state: 'ours'; readonly app: string | undefined; readonly version: string; readonly uid: string }
  | { readonly state: 'foreign' };

/** The cluster does not let us, or has something else under the name; the message says which. */
export class SecretRefusedError extends Error {
  override readonly name = 'SecretRefusedError';
}

/** Beside the label for a Berth's own objects, so that no Berth takes the Secret for one of its previews'. */
const managedBySetup = 'berth-setup';
const appAnnotation = 'berth.dev/github-app';
const apiUrlAnnotation = 'berth.dev/github-api-url';

/** The Secret as an object, for the API server or for a file. */
export function appSecret({ namespace, name }: SecretName, app: AppCredentials) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [managedByLabel]: managedBySetup },
      annotations: { [appAnnotation]: app.htmlUrl, [apiUrlAnnotation]: app.apiUrl },
    },
    type: 'Opaque',
    stringData: { 'app-id': String(app.appId), 'private-key': app.privateKey, 'webhook-secret': app.webhookSecret },
  };
}

export interface AppSecretStore {
  look(signal: AbortSignal): Promise<AppSecretState>;
  /**
   * Finds out, by a dry run, whether `write` would be allowed; writes nothing.
   * @throws SecretRefusedError when it would not.
   */
  tryOut(signal: AbortSignal): Promise<void>;
  /**
   * Makes the Secret, and its namespace when that is missing; in place of `instead`, when that is still what is there.
   * @throws SecretRefusedError when something else is.
   */
  write(app: AppCredentials, instead: AppSecretState, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The Secret of that name in the cluster. */
export function appSecretStore(access: ClusterAccess, name: SecretName): AppSecretStore {
  const api = kubernetesApi(access);
  const label = `Secret ${name.name} in the namespace ${name.namespace}`;
  return {
    look: (signal) => translated(`reading the ${label}`, () => look(api, name, signal)),
    tryOut: (signal) => translated(`trying to write the ${label}`, () => tryOut(api, name, signal)),
    write: (app, instead, signal) =>
      translated(`writing the ${label}`, async () => {
        await ensureNamespace(api, name.namespace, signal);
        if (instead.state === 'ours') await replace(api, name, app, instead, signal);
        else await create(api, name, app, signal);
      }),
    close: () => api.close(),
  };
}

async function look(api: KubernetesApi, name: SecretName, signal: AbortSignal): Promise<AppSecretState> {
  const found = await readObject(api, secretPath(name), signal);
  if (found === undefined) return { state: 'absent' };
  const { labels, annotations, resourceVersion, uid } = found.metadata;
  if (labels?.[managedByLabel] !== managedBySetup) return { state: 'foreign' };
  return { state: 'ours', app: annotations?.[appAnnotation], version: resourceVersion, uid };
}

const sample: AppCredentials = { appId: 1, privateKey: 'none', webhookSecret: 'none', htmlUrl: '', apiUrl: '' };

async function tryOut(api: KubernetesApi, name: SecretName, signal: AbortSignal): Promise<void> {
  const dryRun = { dryRun: 'All', fieldManager };
  const body = appSecret(name, sample);
  // A name that nobody has: what is there already must not be in the way.
  const unused = { ...body, metadata: { ...body.metadata, name: undefined, generateName: `${name.name}-` } };
  try {
    await post(api, corePath(name.namespace, 'secrets'), unused, signal, dryRun);
  } catch (error) {
    if (apiStatusOf(error) !== 404) throw error;
    await post(api, '/api/v1/namespaces', namespaceObject(name.namespace), signal, dryRun);
  }
}

async function ensureNamespace(api: KubernetesApi, name: string, signal: AbortSignal): Promise<void> {
  try {
    await api.json({ path: namespacePath(name) }, signal);
  } catch (error) {
    // Whoever may only write Secrets there need not be able to see the namespace.
    if (apiStatusOf(error) === 403) return;
    if (apiStatusOf(error) !== 404) throw error;
    await post(api, '/api/v1/namespaces', namespaceObject(name), signal, { fieldManager }).catch(
      unlessStatus(409, undefined),
    );
  }
}

async function create(api: KubernetesApi, name: SecretName, app: AppCredentials, signal: AbortSignal): Promise<void> {
  try {
    await post(api, corePath(name.namespace, 'secrets'), appSecret(name, app), signal, { fieldManager });
  } catch (error) {
    if (apiStatusOf(error) !== 409) throw error;
    // Ours, when an answer was lost on its way and the request was sent again.
    const found = await look(api, name, signal);
    if (found.state === 'ours' && found.app === app.htmlUrl) return;
    throw new SecretRefusedError('somebody has made it in the meantime', { cause: error });
  }
}

/** The UID and version are what the person has agreed to lose: a Secret changed since then is refused. */
async function replace(
  api: KubernetesApi,
  name: SecretName,
  app: AppCredentials,
  { uid, version }: AppSecretState & { readonly state: 'ours' },
  signal: AbortSignal,
): Promise<void> {
  const { metadata, stringData } = appSecret(name, app);
  const encoded = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const operations = [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/resourceVersion', value: version },
    { op: 'replace', path: '/data', value: Object.fromEntries(encoded) as Record<string, string> },
    ...Object.entries(metadata.annotations).map(([key, value]) => ({
      op: 'add',
      path: `/metadata/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      value,
    })),
  ];
  try {
    const contentType = 'application/json-patch+json';
    await api.json(
      { method: 'PATCH', path: secretPath(name), query: { fieldManager }, contentType, body: operations },
      signal,
    );
  } catch (error) {
    if (![404, 409, 422].includes(apiStatusOf(error) ?? 0)) throw error;
    const found = await look(api, name, signal);
    if (found.state === 'ours' && found.app === app.htmlUrl) return;
    throw new SecretRefusedError('somebody has changed it in the meantime', { cause: error });
  }
}

function post(
  api: KubernetesApi,
  path: string,
  body: unknown,
  signal: AbortSignal,
  query: Readonly<Record<string, string>>,
): Promise<KubernetesObject> {
  return api.json<KubernetesObject>({ method: 'POST', path, body, query }, signal);
}

const secretPath = ({ namespace, name }: SecretName) => `${corePath(namespace, 'secrets')}/${encodeURIComponent(name)}`;

// Clusters before 1.21 do not set this label by themselves, and network policies know namespaces by it.
const namespaceObject = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { [namespaceNameLabel]: name } },
});

function unlessStatus<T>(status: number, otherwise: T): (error: unknown) => T {
  return (error) => {
    if (apiStatusOf(error) === status) return otherwise;
    throw error;
  };
}

/** What the API server refuses for good is said in its own words; anything else may pass. */
async function translated<T>(doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof SecretRefusedError) throw new SecretRefusedError(`${doing}: ${cause.message}`, { cause });
    if (cause instanceof ApiError) {
      const isRefusal = cause.status < 500 && cause.status !== 429;
      throw new (isRefusal ? SecretRefusedError : Error)(`${doing}: ${cause.detail}`, { cause });
    }
    throw new Error(`${doing}: ${deepestMessage(cause)}`, { cause });
  }
}

/** The client says only that there was no connection; its cause says why. */
function deepestMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message;
}
