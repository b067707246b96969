/** Who may connect to a preview's pods, and where they may connect to. Pure. */
import type { Trust } from '../../domain/preview.ts';
import type { KubernetesOptions } from './options.ts';

type Network = KubernetesOptions['network'];

/** Set by Kubernetes on every namespace since 1.21; on older ones by the operator, as the doctor tells. */
const namespaceNameLabel = 'kubernetes.io/metadata.name';

const everywhere = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** The `spec` of the namespace's one NetworkPolicy: what it does not name is denied, both ways. */
export function networkPolicySpec(network: Network, trust: Trust): object {
  return {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [samePreview, ...gateway(network)] }],
    egress: [{ to: [samePreview] }, ...dns(network), ...beyond(network, trust)],
  };
}

const samePreview = { podSelector: {} };

function gateway({ gatewayNamespaceLabels: matchLabels, gatewayCidrs }: Network): readonly object[] {
  const namespaces = matchLabels === undefined ? [] : [{ namespaceSelector: { matchLabels } }];
  return [...namespaces, ...gatewayCidrs.map((cidr) => ({ ipBlock: { cidr } }))];
}

/**
 * The ports of anything else are a way out like any other. 5353 is where OpenShift's resolvers listen, behind a Service at 53;
 * network plugins judge by the port behind it.
 */
function dns({ resolvers }: Network): readonly object[] {
  const to = [
    ...resolvers.namespaces.map((name) => ({ namespaceSelector: { matchLabels: { [namespaceNameLabel]: name } } })),
    ...resolvers.cidrs.map((cidr) => ({ ipBlock: { cidr } })),
  ];
  // A rule without peers would allow everybody.
  if (to.length === 0) return [];
  return [
    {
      to,
      ports: [
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
        { protocol: 'UDP', port: 5353 },
        { protocol: 'TCP', port: 5353 },
      ],
    },
  ];
}

function beyond({ egress, blockedCidrs }: Network, trust: Trust): readonly object[] {
  const { internet, allowedCidrs } = egress[trust];
  const blocked = (version: 4 | 6) => blockedCidrs.filter((cidr) => cidr.includes(':') === (version === 6));
  const to = [
    ...(internet ? [4 as const, 6 as const] : []).map((version) => ({
      ipBlock: { cidr: everywhere[version], except: blocked(version) },
    })),
    ...allowedCidrs.map((cidr) => ({ ipBlock: { cidr } })),
  ];
  return to.length === 0 ? [] : [{ to }];
}
