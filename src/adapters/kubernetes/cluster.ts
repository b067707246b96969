/** Kubernetes as a `Cluster`: namespaces, fences, the state of releases and workloads. */
import { releaseName } from '../../domain/names.ts';
import type { PreviewKey } from '../../domain/preview.ts';
import type { Cluster, ClusterState, FenceState, NamespaceRequest, ReleaseRecord } from '../../ports.ts';
import { type KubernetesApi, kubernetesApi } from './api.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { helmSecrets } from './collections.ts';
import { disturbedNamespaces } from './disturbed.ts';
import { annotateFenced, checkFence, fenceState, raiseFence } from './fence.ts';
import { inventory, readInventory, readServices } from './inventory.ts';
import { jobLog } from './logs.ts';
import { deleteHooksAnnotation, revisionAnnotation } from './metadata.ts';
import { livingNamespace, namespaceState } from './namespace-state.ts';
import type { KubernetesObject, Namespace } from './objects.ts';
import { defaultKubernetesOptions, type KubernetesOptions } from './options.ts';
import { readNamespace } from './own-namespace.ts';
import { ownSelector, previewNamespace, previewSelector } from './ownership.ts';
import { hasAnnotations, hasLabels } from './policy-drift.ts';
import { namespaceAnnotations, namespaceLabels } from './policy-objects.ts';
import { arePoliciesAsWanted, prepareNamespace } from './prepare-namespace.ts';
import { newestVersion, releaseState } from './release-state.ts';
import { recordAnnotations, recordedRelease } from './release-record.ts';
import { deleteNamespace, namespaceGone } from './remove-namespace.ts';
import { readWorkloads, watchWorkloads } from './workload-watch.ts';

export interface KubernetesCluster extends Cluster {
  /** What a job said last, e.g. that of a failed hook. */
  jobLog(namespace: string, job: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Kubernetes' version, e.g. `v1.33.1`. */
  serverVersion(signal: AbortSignal): Promise<string>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** The cluster with that access; `options` override the defaults one by one. */
export function kubernetesCluster(access: ClusterAccess, options: Partial<KubernetesOptions> = {}): KubernetesCluster {
  return clusterOver(kubernetesApi(access, options.requestTimeoutMs), { ...defaultKubernetesOptions, ...options });
}

function clusterOver(api: KubernetesApi, options: KubernetesOptions): KubernetesCluster {
  const { instance, patience } = options;

  const helmsSecrets = async (namespace: string, signal: AbortSignal) =>
    (await api.list<KubernetesObject>(helmSecrets(namespace, releaseName), signal)).items;

  return {
    async observe(
      key: PreviewKey,
      name: string,
      wanted: NamespaceRequest | undefined,
      signal: AbortSignal,
    ): Promise<ClusterState> {
      const inside = async (namespace: string) =>
        await Promise.all([
          helmsSecrets(namespace, signal),
          readServices(api, namespace, signal),
          readWorkloads(api, namespace, patience, signal),
          wanted !== undefined && arePoliciesAsWanted(api, options, { ...wanted, name: namespace }, signal),
        ]);
      const query = { labelSelector: previewSelector(instance, key) };
      // The name is nearly always right, so that everything is asked for at once.
      const [labelled, named, guess] = await Promise.all([
        api.list<Namespace>({ path: '/api/v1/namespaces', query }, signal),
        readNamespace(api, name, signal),
        inside(name),
      ]);
      const own = livingNamespace(labelled.items);
      const isActive = own !== undefined && own.metadata.deletionTimestamp === undefined;
      if (!isActive) {
        const namespace = namespaceState(key, instance, own, named, false, Date.now());
        return { namespace, release: { state: 'absent' }, hasDeleteHooks: false, workloads: { state: 'none' } };
      }
      const { annotations } = own.metadata;
      const content = own.metadata.name === name ? guess : await inside(own.metadata.name);
      const [secrets, services, workloads, arePoliciesPrepared] = content;
      const prepared =
        arePoliciesPrepared &&
        wanted !== undefined &&
        hasLabels(own, namespaceLabels(options, wanted)) &&
        hasAnnotations(own, namespaceAnnotations(wanted));
      return {
        namespace: namespaceState(key, instance, own, named, prepared, Date.now()),
        release: releaseState(secrets, recordedRelease(annotations), inventory(workloads.objects, services)),
        hasDeleteHooks: annotations?.[deleteHooksAnnotation] === 'true',
        workloads: workloads.state,
      };
    },

    watchWorkloads: (namespace, signal) => watchWorkloads(api, namespace, options, signal),
    namespaceGone: (name, uid, signal) => namespaceGone(api, options, name, uid, signal),
    prepareNamespace: (request, signal) => prepareNamespace(api, options, request, signal),

    async fence(key, signal) {
      const query = { labelSelector: previewSelector(instance, key) };
      return fenceState((await api.list<Namespace>({ path: '/api/v1/namespaces', query }, signal)).items);
    },
    raiseFence: (fence, signal) => raiseFence(api, instance, fence, signal),
    checkFence: (fence, signal) => checkFence(api, instance, fence, signal),

    async recordRelease(fence: FenceState, release: ReleaseRecord, signal: AbortSignal): Promise<void> {
      const { name } = fence;
      const newest = release.version ?? newestVersion(await helmsSecrets(name, signal));
      const objects = release.outcome.state === 'deployed' ? await readInventory(api, name, signal) : [];
      await annotateFenced(api, instance, fence, recordAnnotations(release, newest, objects), signal);
    },

    recordRevision: (fence, revision, signal) =>
      annotateFenced(api, instance, fence, { [revisionAnnotation]: revision }, signal),

    deleteNamespace: (name, uid, signal) => deleteNamespace(api, options, name, uid, signal),

    async previews(signal) {
      const query = { labelSelector: ownSelector(instance) };
      const { items } = await api.list<Namespace>({ path: '/api/v1/namespaces', query }, signal);
      return items.map((item) => previewNamespace(item, instance)).filter((item) => item !== undefined);
    },

    disturbed: (signal) => disturbedNamespaces(api, options, signal),

    jobLog: (namespace, job, signal) => jobLog(api, namespace, job, signal),
    serverVersion: async (signal) => (await api.json<{ gitVersion: string }>({ path: '/version' }, signal)).gitVersion,
    close: () => api.close(),
  };
}
