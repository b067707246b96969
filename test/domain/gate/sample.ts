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
