/** Ingress, HTTPRoute and GRPCRoute: a preview answers for its own hosts, with its own Services. */
import type { GatePolicy } from '../gate.ts';
import type { Place } from './place.ts';
import { quoted } from './refusals.ts';

/** Of every version that Kubernetes has had. */
export function checkIngress(object: Place, policy: GatePolicy): void {
  const spec = object.at('spec');
  // The first was the second's name before `networking.k8s.io/v1`.
  for (const name of ['backend', 'defaultBackend']) {
    if (!spec.at(name).isAbsent) spec.at(name).refuse('would answer for every host');
  }
  const rules = spec.at('rules').items();
  if (rules.length === 0) spec.at('rules').refuse('would answer for every host');
  for (const rule of rules) {
    checkHost(rule.at('host'), policy);
    for (const path of rule.at('http', 'paths').items()) {
      const text = path.at('path').text() ?? '';
      // The path goes into the controller's configuration, which has been broken out of (e.g. CVE-2021-25748).
      if (!/^(\/[A-Za-z0-9._~%+@:=!&,*/-]{0,1024})?$/.test(text))
        path.at('path').refuse('has characters that a path needs not');
      if (!path.at('backend', 'resource').isAbsent)
        path.at('backend', 'resource').refuse('only Services can be behind a host');
    }
  }
  for (const tls of spec.at('tls').items()) {
    const hosts = tls.at('hosts').items();
    if (hosts.length === 0) tls.at('hosts').refuse('would answer for every host');
    for (const host of hosts) checkHost(host, policy);
  }
}

/** HTTPRoute and GRPCRoute. Which Gateways take routes of a preview, the Gateways say. */
export function checkRoute(object: Place, policy: GatePolicy): void {
  const spec = object.at('spec');
  const hostnames = spec.at('hostnames');
  if (hostnames.items().length === 0) hostnames.refuse('would answer for every host');
  for (const host of hostnames.items()) checkHost(host, policy);
  for (const parent of spec.at('parentRefs').items()) {
    if ((parent.at('kind').text() ?? 'Gateway') !== 'Gateway')
      parent.at('kind').refuse('only a Gateway can be the parent');
    if ((parent.at('group').text() ?? gatewayGroup) !== gatewayGroup)
      parent.at('group').refuse('only a Gateway can be the parent');
  }
  checkReferences(spec.at('rules'), policy);
}

/** Backends, mirrors and filters, wherever in a rule a version of the Gateway API has them. */
function checkReferences(rules: Place, policy: GatePolicy): void {
  const stack = [...rules.items()];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const name = place.fieldName;
    if (/^extensionRef$/i.test(name)) place.refuse('extensions can be anything');
    if (/^(backendRefs?|backend)$/i.test(name) && !Array.isArray(place.raw)) checkBackend(place, policy);
    stack.push(...place.members());
  }
}

function checkBackend(backend: Place, policy: GatePolicy): void {
  const namespace = backend.at('namespace').text() ?? '';
  if (namespace !== '' && namespace !== policy.namespace) {
    backend.at('namespace').refuse(`another namespace than the preview's: ${quoted(namespace)}`);
  }
  if ((backend.at('kind').text() ?? 'Service') !== 'Service')
    backend.at('kind').refuse('only Services can be behind a host');
  if ((backend.at('group').text() ?? '') !== '') backend.at('group').refuse('only Services can be behind a host');
}

function checkHost(host: Place, { hosts }: GatePolicy): void {
  const text = host.text() ?? '';
  if (hosts.includes(text)) return;
  const what = text === '' ? 'would answer for every host' : `${quoted(text)} is no host of this preview`;
  host.refuse(hosts.length === 0 ? what : `${what}; it has ${hosts.slice(0, 2).join(', ')}`);
}

const gatewayGroup = 'gateway.networking.k8s.io';
