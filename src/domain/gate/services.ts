/** Services: reachable within the preview and for the gateway, and nothing else. */
import type { Place } from './place.ts';
import { quoted } from './refusals.ts';

export function checkService(object: Place): void {
  const spec = object.at('spec');
  const type = spec.at('type').text() ?? '';
  if (type !== '' && type !== 'ClusterIP') {
    spec.at('type').refuse(`a preview's Services are of type "ClusterIP", not ${quoted(type)}`);
  }
  for (const [name, place] of spec.fields()) {
    if (!ownFields.has(name) && !place.isEmpty) {
      place.refuse("a preview's Services are reachable through the gateway only");
    }
  }
  const address = spec.at('clusterIP').text() ?? '';
  if (address !== '' && address !== 'None') spec.at('clusterIP').refuse('Kubernetes chooses the address');
  for (const item of spec.at('clusterIPs').items()) {
    if (item.text() !== 'None') item.refuse('Kubernetes chooses the address');
  }
  for (const port of spec.at('ports').items()) {
    if (port.at('nodePort').number()) port.at('nodePort').refuse('node ports');
  }
}

/** Fields that are known to keep a Service inside. A new one of Kubernetes is refused until somebody has looked. */
// biome-ignore format: a list
const ownFields: ReadonlySet<string> = new Set([
  'clusterIP', 'clusterIPs', 'internalTrafficPolicy', 'ipFamilies', 'ipFamily', 'ipFamilyPolicy', 'ports',
  'publishNotReadyAddresses', 'selector', 'sessionAffinity', 'sessionAffinityConfig', 'topologyKeys', 'trafficDistribution', 'type',
]);
