/** Which kinds of objects a preview may have, and where they hold pods. */

/** A kind as a chart says it: `apiVersion` in its two parts, and the `kind`. The core group is empty. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly name: string;
}

/** `undefined` when it is no `apiVersion` that Kubernetes has. */
export function kindOf(apiVersion: string, name: string): Kind | undefined {
  const match = /^(?:([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)\/)?(v[0-9][a-z0-9]{0,20})$/.exec(apiVersion);
  if (match?.[2] === undefined || !/^[A-Z][A-Za-z0-9]{0,62}$/.test(name)) return undefined;
  return { group: match[1] ?? '', version: match[2], name };
}

/** `apps/Deployment`, `/Pod`. */
export function groupKind({ group, name }: Kind): string {
  return `${group}/${name}`;
}

/** Where the metadata and spec of the pods stand that an object of this kind makes; `undefined` when it makes none. */
export function podTemplatePath(kind: Kind): readonly string[] | undefined {
  return templatePaths.get(groupKind(kind));
}

/**
 * Why no object of this kind may be in a preview, `undefined` when it may be. A sentence that goes on after the kind's name.
 */
export function kindRefusal(kind: Kind, extraKinds: readonly string[]): string | undefined {
  const never = neverReason(kind);
  if (never !== undefined) return never;
  const versions = usualKinds.get(groupKind(kind));
  if (versions !== undefined) {
    return versions.includes(kind.version) ? undefined : `is not known in version "${kind.version}"`;
  }
  if (isExtraKind(kind, extraKinds)) return undefined;
  return 'is not among the kinds that a preview may have; the administrator can allow it';
}

/** Whether only the operator's word allows it, so that nothing is known of what it holds. */
export function isExtraKind(kind: Kind, extraKinds: readonly string[]): boolean {
  return !usualKinds.has(groupKind(kind)) && neverReason(kind) === undefined && extraKinds.includes(groupKind(kind));
}

/** No operator's list allows these: with any of them, a preview would leave its box. */
function neverReason({ group, name }: Kind): string | undefined {
  const usual = usualKinds.has(`${group}/${name}`);
  if (rights.test(name) || group === 'rbac.authorization.k8s.io') return 'gives rights, which a preview may not';
  // Also of other groups: rules of network plugins add to ours and can undo them.
  if (/Network(Set|Policy)$|NetworkPolicies$/.test(name))
    return 'is part of what confines a preview, and only Berth writes it';
  if (confining.has(name)) return 'is part of what confines a preview, and only Berth writes it';
  if (name === 'Endpoints' || name === 'EndpointSlice') return 'could send traffic to any address';
  if (clusterKinds.has(name) || clusterGroups.has(group)) return 'is of the whole cluster and not of one preview';
  // Groups without a dot are Kubernetes' own: the kinds of theirs that are harmless are known.
  if (!usual && !group.includes('.')) return 'is not among the kinds that a preview may have';
  return undefined;
}

const rights = /^(Cluster)?Role(Binding)?$/;
const confining = new Set([
  'ResourceQuota',
  'LimitRange',
  'ClusterResourceQuota',
  'PodSecurityPolicy',
  'SecurityContextConstraints',
]);
// biome-ignore format: a list
const clusterKinds = new Set([
  'Namespace', 'Node', 'PersistentVolume', 'CustomResourceDefinition', 'APIService', 'StorageClass', 'IngressClass',
  'GatewayClass', 'RuntimeClass', 'PriorityClass', 'CSIDriver', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration',
]);
// biome-ignore format: a list
const clusterGroups = new Set([
  'admissionregistration.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'authentication.k8s.io',
  'authorization.k8s.io', 'certificates.k8s.io', 'flowcontrol.apiserver.k8s.io', 'internal.apiserver.k8s.io', 'node.k8s.io',
  'scheduling.k8s.io', 'storage.k8s.io', 'storagemigration.k8s.io', 'discovery.k8s.io', 'coordination.k8s.io',
  'resource.k8s.io', 'policy.networking.k8s.io', 'security.openshift.io', 'authorization.openshift.io',
]);

const usualKinds: ReadonlyMap<string, readonly string[]> = new Map([
  ['/ConfigMap', ['v1']],
  ['/PersistentVolumeClaim', ['v1']],
  ['/Pod', ['v1']],
  ['/PodTemplate', ['v1']],
  ['/ReplicationController', ['v1']],
  ['/Secret', ['v1']],
  ['/Service', ['v1']],
  ['/ServiceAccount', ['v1']],
  ['apps/DaemonSet', ['v1', 'v1beta2']],
  ['apps/Deployment', ['v1', 'v1beta1', 'v1beta2']],
  ['apps/ReplicaSet', ['v1', 'v1beta2']],
  ['apps/StatefulSet', ['v1', 'v1beta1', 'v1beta2']],
  ['autoscaling/HorizontalPodAutoscaler', ['v1', 'v2', 'v2beta1', 'v2beta2']],
  ['batch/CronJob', ['v1', 'v1beta1', 'v2alpha1']],
  ['batch/Job', ['v1']],
  ['extensions/DaemonSet', ['v1beta1']],
  ['extensions/Deployment', ['v1beta1']],
  ['extensions/Ingress', ['v1beta1']],
  ['extensions/ReplicaSet', ['v1beta1']],
  ['gateway.networking.k8s.io/GRPCRoute', ['v1', 'v1alpha2']],
  ['gateway.networking.k8s.io/HTTPRoute', ['v1', 'v1beta1', 'v1alpha2']],
  ['networking.k8s.io/Ingress', ['v1', 'v1beta1']],
  ['policy/PodDisruptionBudget', ['v1', 'v1beta1']],
]);

const template = ['spec', 'template'];
const templatePaths: ReadonlyMap<string, readonly string[]> = new Map([
  ['/Pod', []],
  ['/PodTemplate', ['template']],
  ['/ReplicationController', template],
  ['apps/DaemonSet', template],
  ['apps/Deployment', template],
  ['apps/ReplicaSet', template],
  ['apps/StatefulSet', template],
  ['batch/CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ['batch/Job', template],
  ['extensions/DaemonSet', template],
  ['extensions/Deployment', template],
  ['extensions/ReplicaSet', template],
]);
