/**
 * Copies of Secrets in a preview's namespace: those that the operator has given to its repository, and only while its code is
 * trusted. They are written as the namespace's deployer, so that Berth itself may write Secrets nowhere.
 */
import type { NamespaceRequest } from '../../ports.ts';
import type { KubernetesApi } from './api.ts';
import { corePath } from './collections.ts';
import { deployerOf } from './deployer.ts';
import { givenSecrets } from './given-secrets.ts';
import { copyLabel, instanceLabel, managedByBerth, managedByLabel, sourceAnnotation } from './metadata.ts';
import type { KubernetesObject, Secret } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { isAsWanted } from './policy-drift.ts';
import type { PolicyObject } from './policy-objects.ts';
import { putObject, removeObject } from './put-object.ts';

/** Whether exactly the Secrets that should be in the namespace are, as they are at their source. */
export async function areSecretsAsWanted(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const { wanted, present } = await look(api, options, request, signal);
  return present.length === wanted.length && wanted.every((copy) => isAsWanted(copy.body, presentAs(present, copy)));
}

/** Makes it so. */
export async function putSecrets(
  api: KubernetesApi,
  options: KubernetesOptions,
  request: NamespaceRequest,
  signal: AbortSignal,
): Promise<void> {
  const { wanted, present } = await look(api, options, request, signal);
  const asUser = deployerOf(request.name);
  const paths = new Set(wanted.map(({ path }) => path));
  const stale = present.map(({ metadata }) => pathOf(request.name, metadata.name)).filter((path) => !paths.has(path));
  const outdated = wanted.filter((copy) => !isAsWanted(copy.body, presentAs(present, copy)));
  await Promise.all([
    ...stale.map((path) => removeObject(api, path, signal, asUser)),
    ...outdated.map((copy) => putObject(api, copy, signal, asUser)),
  ]);
}

async function look(
  api: KubernetesApi,
  options: KubernetesOptions,
  { name, repository, trust }: NamespaceRequest,
  signal: AbortSignal,
) {
  const { instance, secrets } = options;
  const query = { labelSelector: `${copyLabel}=true,${instanceLabel}=${instance}` };
  const [present, given] = await Promise.all([
    api.list<Secret>({ path: corePath(name, 'secrets'), query }, signal),
    secrets !== undefined && trust === 'trusted' ? givenSecrets(api, secrets, repository, signal) : [],
  ]);
  return { present: present.items, wanted: given.map((secret) => copyOf(secret, name, instance)) };
}

function copyOf(source: Secret, namespace: string, instance: string): PolicyObject {
  const { type = 'Opaque', data } = source;
  const metadata = copyMetadata(source, instance);
  return {
    path: pathOf(namespace, metadata.name),
    body: { apiVersion: 'v1', kind: 'Secret', metadata, type, ...(data && { data }) },
  };
}

/** What is written on a copy. */
export function copyMetadata({ metadata: source }: KubernetesObject, instance: string) {
  return {
    name: source.name,
    labels: { [managedByLabel]: managedByBerth, [instanceLabel]: instance, [copyLabel]: 'true' },
    annotations: { [sourceAnnotation]: `${source.uid}/${source.resourceVersion}` },
  };
}

function presentAs(present: readonly Secret[], { body }: PolicyObject): Secret | undefined {
  return present.find(({ metadata }) => metadata.name === body.metadata.name);
}

function pathOf(namespace: string, name: string): string {
  return `${corePath(namespace, 'secrets')}/${encodeURIComponent(name)}`;
}
