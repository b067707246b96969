import type { KubernetesObject } from './watch.ts';

/** The part of a Service that names depend on. */
export interface Service extends KubernetesObject {
  readonly spec: { readonly clusterIP?: string };
}

interface Address {
  readonly ip: string;
  readonly hostname?: string;
}

/** The part of Endpoints that names depend on; pods that are not ready are elsewhere in it. */
export interface Endpoints extends KubernetesObject {
  readonly subsets?: readonly { readonly addresses?: readonly Address[] }[];
}

/**
 * The cluster's names in the format of /etc/hosts.
 *
 * A service has its own address; a headless one has those of its ready pods, and a name for each pod that has a
 * hostname. Source: github.com/kubernetes/dns, the specification of DNS-based service discovery.
 */
export function hostsFile(services: readonly Service[], endpoints: ReadonlyMap<string, Endpoints>): string {
  const lines: string[] = [];
  for (const { metadata, spec } of services) {
    const name = `${metadata.name}.${metadata.namespace}.svc.cluster.local`;
    if (spec.clusterIP && spec.clusterIP !== 'None') lines.push(`${spec.clusterIP} ${name}`);
    if (spec.clusterIP !== 'None') continue;
    for (const { addresses = [] } of endpoints.get(`${metadata.namespace}/${metadata.name}`)?.subsets ?? []) {
      for (const { ip, hostname } of addresses) lines.push(`${ip} ${name}${hostname ? ` ${hostname}.${name}` : ''}`);
    }
  }
  return lines
    .map((line) => `${line}\n`)
    .sort()
    .join('');
}
