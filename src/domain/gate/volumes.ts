/** Storage: a preview gets volumes of its own, made for it, and mounts nothing that the node fetches from elsewhere. */
import type { GatePolicy } from '../gate.ts';
import { checkMetadata } from './metadata.ts';
import type { Place } from './place.ts';
import { quoted } from './refusals.ts';

/** Those of a pod. Where the operator lets pods do everything, only the claims are looked at. */
export function checkVolumes(volumes: Place, policy: GatePolicy): void {
  for (const volume of volumes.items()) {
    const template = volume.at('ephemeral', 'volumeClaimTemplate');
    checkMetadata(template.at('metadata'), policy);
    checkClaim(template.at('spec'), policy);
    if (policy.podSecurity === 'privileged') continue;
    if (!volume.at('csi').isAbsent) {
      volume.at('csi').refuse('the node would mount it past the network policy; use a PersistentVolumeClaim');
    }
    // Of `restricted` and its list, Pod Security speaks.
    if (policy.podSecurity === 'restricted') continue;
    for (const [name, place] of volume.fields()) {
      if (place.isAbsent || ownVolumeTypes.has(name)) continue;
      place.refuse(`the node would mount it past the network policy: volume type ${quoted(name)}`);
    }
  }
}

/** The spec of a claim, in an object of its own or in a template. */
export function checkClaim(spec: Place, policy: GatePolicy): void {
  const old = 'a claim gets a new volume, never one that exists already';
  if (spec.at('volumeName').text()) spec.at('volumeName').refuse(old);
  if (!spec.at('selector').isAbsent) spec.at('selector').refuse(old);
  if (spec.at('storageClassName').text() === '')
    spec.at('storageClassName').refuse(`${old}: name a class, or none at all`);
  const namespace = spec.at('dataSourceRef', 'namespace');
  const text = namespace.text() ?? '';
  if (text !== '' && text !== policy.namespace) namespace.refuse(`data of another namespace: ${quoted(text)}`);
}

/** `hostPath` is Pod Security's to refuse. */
// biome-ignore format: a list
const ownVolumeTypes: ReadonlySet<string> = new Set([
  'name', 'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'hostPath', 'image', 'persistentVolumeClaim', 'projected',
  'secret',
]);
