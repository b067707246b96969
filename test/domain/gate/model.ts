/**
 * Pod Security `restricted` once more, written as the standard's page states it and not as the gate goes about it: for every
 * field that the page names, the values that it allows. Source: kubernetes.io/docs/concepts/security/pod-security-standards.
 * For pods on Linux, in no user namespace that the cluster knows of, and with fields of the right types.
 */
import type { Json, JsonObject } from '../../../src/domain/json.ts';

type Allowed = (value: Json | undefined) => boolean;

const oneOf =
  (...values: readonly (Json | undefined)[]): Allowed =>
  (value) =>
    values.includes(value ?? undefined);

const undefinedOr = (...values: readonly Json[]): Allowed => oneOf(undefined, ...values);

const capabilities: readonly string[] = ['NET_BIND_SERVICE'];

// biome-ignore format: a table
const fields: Readonly<Record<string, Allowed>> = {
  'hostNetwork': undefinedOr(false),
  'hostPID': undefinedOr(false),
  'hostIPC': undefinedOr(false),
  'securityContext.windowsOptions.hostProcess': undefinedOr(false),
  'securityContext.seLinuxOptions.type': undefinedOr('', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'),
  'securityContext.seLinuxOptions.user': undefinedOr(''),
  'securityContext.seLinuxOptions.role': undefinedOr(''),
  'securityContext.runAsUser': (value) => value !== 0,
};

// biome-ignore format: a table
const containerFields: Readonly<Record<string, Allowed>> = {
  'securityContext.windowsOptions.hostProcess': undefinedOr(false),
  'securityContext.privileged': undefinedOr(false),
  'securityContext.procMount': undefinedOr('Default'),
  'securityContext.allowPrivilegeEscalation': oneOf(false),
  'securityContext.runAsUser': (value) => value !== 0,
  'securityContext.capabilities.drop': (value) => ((value ?? []) as readonly Json[]).includes('ALL'),
  'securityContext.capabilities.add': (value) => ((value ?? []) as readonly string[]).every((name) => capabilities.includes(name)),
  'securityContext.seLinuxOptions.type': undefinedOr('', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'),
  'securityContext.seLinuxOptions.user': undefinedOr(''),
  'securityContext.seLinuxOptions.role': undefinedOr(''),
  ...Object.fromEntries(['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap((name) =>
    ['httpGet', 'tcpSocket'].map((action) => [`${name}.${action}.host`, undefinedOr('')]))),
};

const volumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

export function allowedByRestricted(spec: JsonObject): boolean {
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((name) => listOf(spec, name));
  return (
    Object.entries(fields).every(([path, allowed]) => allowed(valueAt(spec, path))) &&
    containers.every((one) =>
      Object.entries(containerFields).every(([path, allowed]) => allowed(valueAt(one, path))),
    ) &&
    containers.every((one) =>
      listOf(one, 'ports').every((port) => [undefined, null, 0].includes(port['hostPort'] as number)),
    ) &&
    listOf(spec, 'volumes').every((volume) =>
      Object.keys(volume).every((key) => key === 'name' || volumes.includes(key)),
    ) &&
    listOf(spec, 'securityContext.sysctls').every(({ name }) => name === 'net.ipv4.tcp_syncookies') &&
    [spec, ...containers].every((one) => isProfile(one, 'appArmorProfile', undefined)) &&
    inherited(spec, containers, 'seccompProfile.type', (type) => type === 'RuntimeDefault' || type === 'Localhost') &&
    [spec, ...containers].every((one) => isProfile(one, 'seccompProfile', undefined)) &&
    inherited(spec, containers, 'runAsNonRoot', (value) => value === true) &&
    [spec, ...containers].every((one) => valueAt(one, 'securityContext.runAsNonRoot') !== false)
  );
}

/** The container says it rightly, or says nothing and the pod says it rightly. */
function inherited(spec: JsonObject, containers: readonly JsonObject[], path: string, isRight: Allowed): boolean {
  const ofPod = valueAt(spec, `securityContext.${path}`);
  return containers.every((one) => isRight(valueAt(one, `securityContext.${path}`) ?? ofPod));
}

function isProfile(one: JsonObject, name: string, absent: Json | undefined): boolean {
  const profile = valueAt(one, `securityContext.${name}`);
  return profile === absent || ['RuntimeDefault', 'Localhost'].includes((profile as JsonObject)['type'] as string);
}

function listOf(one: JsonObject, path: string): readonly JsonObject[] {
  return (valueAt(one, path) ?? []) as unknown as readonly JsonObject[];
}

function valueAt(one: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = one;
  for (const name of path.split('.')) value = (value as JsonObject | null | undefined)?.[name];
  return value ?? undefined;
}
