/** Objects that a preview may have, to change one thing in each. */
import { type GatePolicy, type Refusal, refusalsOf } from '../../../src/domain/gate.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';

export const policy: GatePolicy = {
  podSecurity: 'restricted',
  namespace: 'pr-42-shop-k3x9ab',
  hosts: ['pr-42-shop-k3x9ab.preview.example', 'api--pr-42-shop-k3x9ab.preview.example'],
  extraKinds: ['postgresql.cnpg.io/Cluster'],
  extraAnnotations: ['acme.example/', 'backup.example/schedule'],
  kubernetesMinor: undefined,
  runtimeClass: undefined,
};

export function object(apiVersion: string, kind: string, fields: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion, kind, metadata: { name: 'web', ...metadata }, ...fields };
}

/** `apps/v1 Deployment`. */
export function titleOf({ apiVersion, kind }: JsonObject): string {
  return `${apiVersion as string} ${kind as string}`;
}

/** A container that complies with `restricted`. */
export function container(fields: JsonObject = {}): JsonObject {
  return {
    name: 'app',
    image: 'registry.example/shop@sha256:0',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    ...fields,
  };
}

/** A pod's spec that complies with `restricted`. */
export function podSpec(fields: JsonObject = {}): JsonObject {
  return {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container()],
    ...fields,
  };
}

export function pod(spec: JsonObject = podSpec(), metadata: JsonObject = {}): JsonObject {
  return object('v1', 'Pod', { spec }, metadata);
}

export function service(spec: JsonObject): JsonObject {
  return object('v1', 'Service', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec } });
}

/** Every kind that makes pods, with where their template stands in it. */
export const workloads: readonly { readonly path: string; readonly of: (template: JsonObject) => JsonObject }[] = [
  ...['apps/v1', 'apps/v1beta2', 'apps/v1beta1', 'extensions/v1beta1'].map((version) => inSpec(version, 'Deployment')),
  ...['apps/v1', 'apps/v1beta2', 'extensions/v1beta1'].flatMap((version) => [
    inSpec(version, 'DaemonSet'),
    inSpec(version, 'ReplicaSet'),
  ]),
  ...['apps/v1', 'apps/v1beta2', 'apps/v1beta1'].map((version) => inSpec(version, 'StatefulSet')),
  inSpec('batch/v1', 'Job'),
  inSpec('v1', 'ReplicationController'),
  { path: 'template', of: (template) => object('v1', 'PodTemplate', { template }) },
  ...['batch/v1', 'batch/v1beta1', 'batch/v2alpha1'].map((version) => ({
    path: 'spec.jobTemplate.spec.template',
    of: (template: JsonObject) => object(version, 'CronJob', { spec: { jobTemplate: { spec: { template } } } }),
  })),
];

function inSpec(apiVersion: string, kind: string) {
  return { path: 'spec.template', of: (template: JsonObject) => object(apiVersion, kind, { spec: { template } }) };
}

export function refusals(objects: unknown, given: Partial<GatePolicy> = {}): readonly Refusal[] {
  return refusalsOf(Array.isArray(objects) ? objects : [objects], { ...policy, ...given });
}

/** The fields that are refused, without repetitions. */
export function refusedFields(objects: unknown, given: Partial<GatePolicy> = {}): readonly string[] {
  return [...new Set(refusals(objects, given).map(({ field }) => field))];
}

/** The object with the value at the path, e.g. `spec.containers[0].name`; what is missing on the way is made. */
export function withValue(root: Json, path: string, value: unknown): JsonObject {
  const copy = structuredClone(root) as JsonObject;
  const steps = [...path.matchAll(/([A-Za-z]+)|\[(\d+)\]|\["([^"]+)"\]/g)].map((match) =>
    match[2] === undefined ? (match[1] ?? match[3] ?? '') : Number(match[2]),
  );
  let at = copy as unknown as Record<string | number, unknown>;
  for (const [index, step] of steps.slice(0, -1).entries()) {
    at[step] ??= typeof steps[index + 1] === 'number' ? [] : {};
    at = at[step] as Record<string | number, unknown>;
  }
  at[steps.at(-1) ?? ''] = value;
  return copy;
}

/** A pod's spec with an allowed value in every field that the gate reads, apart from names and images. */
export function fullPodSpec(): JsonObject {
  const context = {
    runAsNonRoot: true,
    runAsUser: 1_000,
    seccompProfile: { type: 'RuntimeDefault' },
    appArmorProfile: { type: 'RuntimeDefault' },
    seLinuxOptions: { type: 'container_t', user: '', role: '' },
    windowsOptions: { hostProcess: false },
  };
  const full = container({
    securityContext: {
      ...context,
      privileged: false,
      procMount: 'Default',
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    },
    ports: [{ hostPort: 0 }],
    livenessProbe: { httpGet: { host: '' }, tcpSocket: { host: '' } },
    readinessProbe: { httpGet: { host: '' }, tcpSocket: { host: '' } },
    startupProbe: { httpGet: { host: '' }, tcpSocket: { host: '' } },
    lifecycle: {
      postStart: { httpGet: { host: '' }, tcpSocket: { host: '' } },
      preStop: { httpGet: { host: '' }, tcpSocket: { host: '' } },
    },
  });
  const terms = [{ namespaces: [policy.namespace] }];
  const near = {
    requiredDuringSchedulingIgnoredDuringExecution: terms,
    preferredDuringSchedulingIgnoredDuringExecution: terms.map((podAffinityTerm) => ({ podAffinityTerm })),
  };
  const claim = {
    metadata: { labels: { app: 'web' }, annotations: { note: 'x' }, finalizers: [], ownerReferences: [] },
    spec: { storageClassName: 'fast', dataSourceRef: { namespace: policy.namespace } },
  };
  return {
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    hostUsers: true,
    os: { name: 'linux' },
    securityContext: { ...context, sysctls: [{ name: 'net.ipv4.tcp_syncookies' }] },
    serviceAccountName: 'web',
    serviceAccount: 'web',
    runtimeClassName: 'gvisor',
    tolerations: [{ key: 'spot' }],
    affinity: { podAffinity: near, podAntiAffinity: near },
    volumes: [{ ephemeral: { volumeClaimTemplate: claim } }],
    containers: [full],
    initContainers: [full],
    ephemeralContainers: [full],
  };
}

/** Every place within a value, from the outside in, with what is there. */
export function placesWithin(value: Json, path: string): readonly { readonly path: string; readonly value: Json }[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  const members = Array.isArray(value)
    ? (value as readonly Json[]).map((item, index) => [`${path}[${index}]`, item] as const)
    : Object.entries(value as JsonObject).map(([name, member]) => [`${path}.${name}`, member] as const);
  return [{ path, value }, ...members.flatMap(([at, member]) => placesWithin(member, at))];
}
