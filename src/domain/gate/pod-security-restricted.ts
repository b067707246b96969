/**
 * What Kubernetes' Pod Security Standard `restricted` demands beyond `baseline`.
 * Source: kubernetes.io/docs/concepts/security/pod-security-standards, k8s.io/pod-security-admission (1.37).
 */
import type { Place } from './place.ts';
import { isForWindows, isInUserNamespace, securityContextsOf } from './pod-security.ts';
import { containersOf, type PodTemplate } from './pod-specs.ts';
import { quoted } from './refusals.ts';

export function checkRestricted({ spec }: PodTemplate, kubernetesMinor: number | undefined): void {
  for (const volume of spec.at('volumes').items()) checkVolume(volume);
  if (!isInUserNamespace(spec, kubernetesMinor)) checkUsers(spec);
  for (const container of containersOf(spec)) {
    const procMount = container.at('securityContext', 'procMount');
    if ((procMount.text() ?? 'Default') !== 'Default') refuse(procMount, 'procMount other than "Default"');
  }
  if (isForWindows(spec, kubernetesMinor)) return;
  checkSeccomp(spec);
  for (const container of containersOf(spec)) {
    const context = container.at('securityContext');
    const escalation = context.at('allowPrivilegeEscalation');
    if (escalation.flag() !== false) refuse(escalation, 'must be false');
    checkCapabilities(context.at('capabilities'));
  }
}

/**
 * A volume without a type is an `emptyDir`. Upstream is content with one allowed type; that a second one beside it is an
 * error of the API is nothing that we rely on.
 */
function checkVolume(volume: Place): void {
  for (const [name, place] of volume.fields()) {
    if (name !== 'name' && !place.isAbsent && !volumeTypes.has(name)) refuse(place, `volume type ${quoted(name)}`);
  }
}

function checkCapabilities(capabilities: Place): void {
  const drop = capabilities.at('drop');
  const dropped = drop.items().map((item) => item.text());
  if (!dropped.includes('ALL')) refuse(drop, 'must include "ALL"');
  for (const added of capabilities.at('add').items()) {
    const name = added.text() ?? '';
    if (name !== 'NET_BIND_SERVICE') refuse(added, `capability ${quoted(name)}`);
  }
}

function checkUsers(spec: Place): void {
  const ofPod = spec.at('securityContext', 'runAsNonRoot').flag();
  if (ofPod === false) refuse(spec.at('securityContext', 'runAsNonRoot'), 'must be true');
  for (const container of containersOf(spec)) {
    const nonRoot = container.at('securityContext', 'runAsNonRoot');
    const flag = nonRoot.flag();
    if (flag === false || (flag === undefined && ofPod !== true)) {
      refuse(nonRoot, 'must be true, here or for the whole pod');
    }
  }
  for (const context of securityContextsOf(spec)) {
    if (context.at('runAsUser').number() === 0) refuse(context.at('runAsUser'), 'must not be 0, which is root');
  }
}

/** What is wrong about a profile that is there, `baseline` says. */
function checkSeccomp(spec: Place): void {
  if (!spec.at('securityContext', 'seccompProfile').isAbsent) return;
  for (const container of containersOf(spec)) {
    const profile = container.at('securityContext', 'seccompProfile');
    if (profile.isAbsent)
      refuse(profile.at('type'), 'must be "RuntimeDefault" or "Localhost", here or for the whole pod');
  }
}

function refuse(place: Place, rule: string): void {
  place.refuse(`Pod Security "restricted": ${rule}`);
}

// biome-ignore format: a list
const volumeTypes: ReadonlySet<string> = new Set([
  'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret',
]);
