/**
 * Namespaces in which something is not as Berth left it, found by a few lists for all of them. What only a look at one namespace
 * shows is left to that: data of Secrets, workloads.
 */
import { releaseName } from '../../domain/names.ts';
import type { KubernetesApi } from './api.ts';
import { metadataOnly } from './collections.ts';
import { deployerAccount } from './deployer.ts';
import { givenMetadata } from './given-secrets.ts';
import {
  copyLabel,
  instanceLabel,
  managedByBerth,
  managedByLabel,
  repositoryAnnotation,
  trustLabel,
} from './metadata.ts';
import type { KubernetesObject, Namespace } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { ownerKey, ownSelector } from './ownership.ts';
import { hasAnnotations, hasLabels, isAsWanted } from './policy-drift.ts';
import { namespaceLabels, type PolicyObject, policyObjects } from './policy-objects.ts';
import { recordedRelease } from './release-record.ts';
import { releaseState } from './release-state.ts';
import { isGivenTo } from './secret-grants.ts';
import { copyMetadata } from './secret-copies.ts';

/** Where the kinds of `policyObjects` are listed, in all namespaces. */
const policyCollections: Readonly<Record<string, string>> = {
  ResourceQuota: '/api/v1/resourcequotas',
  LimitRange: '/api/v1/limitranges',
  NetworkPolicy: '/apis/networking.k8s.io/v1/networkpolicies',
  ServiceAccount: '/api/v1/serviceaccounts',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/rolebindings',
};

type ByNamespace = ReadonlyMap<string, readonly KubernetesObject[]>;

/** What there is in all namespaces that may be ours. */
interface World {
  readonly policies: Readonly<Record<string, ByNamespace>>;
  readonly deployers: ByNamespace;
  readonly helmRecords: ByNamespace;
  readonly copies: ByNamespace;
  readonly sources: readonly KubernetesObject[];
}

/** Their UIDs. Those that are being removed are none of them. */
export async function disturbedNamespaces(
  api: KubernetesApi,
  options: KubernetesOptions,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const query = { labelSelector: ownSelector(options.instance) };
  const [namespaces, world] = await Promise.all([
    api.list<Namespace>({ path: '/api/v1/namespaces', query }, signal),
    readWorld(api, options, signal),
  ]);
  const disturbed = namespaces.items.filter(
    (namespace) => namespace.metadata.deletionTimestamp === undefined && isDisturbed(namespace, world, options),
  );
  return new Set(disturbed.map(({ metadata }) => metadata.uid));
}

async function readWorld(api: KubernetesApi, options: KubernetesOptions, signal: AbortSignal): Promise<World> {
  const { instance, secrets } = options;
  const list = async (path: string, query: Record<string, string>, accept?: string): Promise<ByNamespace> => {
    const request = { path, query, ...(accept === undefined ? {} : { accept }) };
    return byNamespace((await api.list<KubernetesObject>(request, signal)).items);
  };
  const ours = `${instanceLabel}=${instance}`;
  const [deployers, helmRecords, copies, sources, ...policies] = await Promise.all([
    list('/api/v1/serviceaccounts', { fieldSelector: `metadata.name=${deployerAccount}` }, metadataOnly),
    list('/api/v1/secrets', { labelSelector: `owner=helm,name=${releaseName}` }, metadataOnly),
    list('/api/v1/secrets', { labelSelector: `${copyLabel}=true,${ours}` }, metadataOnly),
    secrets === undefined ? [] : givenMetadata(api, secrets, signal),
    ...Object.values(policyCollections).map((path) =>
      list(path, { labelSelector: `${managedByLabel}=${managedByBerth},${ours}` }),
    ),
  ]);
  const kinds = Object.keys(policyCollections).map((kind, index) => [kind, policies[index] ?? new Map()] as const);
  return { deployers, helmRecords, copies, sources, policies: Object.fromEntries(kinds) };
}

function isDisturbed(namespace: Namespace, world: World, options: KubernetesOptions): boolean {
  const { name, labels, annotations } = namespace.metadata;
  const key = ownerKey(namespace, options.instance);
  const trust = labels?.[trustLabel] === 'trusted' ? 'trusted' : 'untrusted';
  const has = (wanted: PolicyObject) => {
    const { kind, metadata } = wanted.body;
    const found = world.policies[kind]?.get(name)?.find((it) => it.metadata.name === metadata.name);
    return isAsWanted(wanted.body, found);
  };
  if (key === undefined || !hasLabels(namespace, namespaceLabels(options, { key, trust }))) return true;
  if (world.deployers.has(name) || !policyObjects(name, options, trust).every(has)) return true;
  const [owner = '', repository = ''] = annotations?.[repositoryAnnotation]?.split('/') ?? [];
  const given = world.sources.filter((source) => isGivenTo(source, { owner, name: repository }));
  return (
    !areCopiesOf(trust === 'trusted' ? given : [], world.copies.get(name) ?? [], options.instance) ||
    isReleaseDisturbed(namespace, world.helmRecords.get(name) ?? [])
  );
}

function areCopiesOf(
  sources: readonly KubernetesObject[],
  copies: readonly KubernetesObject[],
  instance: string,
): boolean {
  return (
    sources.length === copies.length &&
    sources.every((source) => {
      const wanted = copyMetadata(source, instance);
      const copy = copies.find(({ metadata }) => metadata.name === wanted.name);
      return copy !== undefined && hasAnnotations(copy, wanted.annotations);
    })
  );
}

/** Whether the release is not the one any more that Berth has written down as deployed: uninstalled, upgraded, broken off. */
function isReleaseDisturbed({ metadata }: Namespace, helmRecords: readonly KubernetesObject[]): boolean {
  const record = recordedRelease(metadata.annotations);
  if (record?.outcome !== 'deployed') return false;
  const state = releaseState(helmRecords, record, record.objects);
  return state.state !== 'deployed' || state.planDigest !== record.planDigest;
}

function byNamespace(items: readonly KubernetesObject[]): ByNamespace {
  const found = new Map<string, KubernetesObject[]>();
  for (const item of items) {
    const { namespace = '' } = item.metadata;
    const those = found.get(namespace);
    if (those === undefined) found.set(namespace, [item]);
    else those.push(item);
  }
  return found;
}
