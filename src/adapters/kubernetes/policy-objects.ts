/** What is in a preview's namespace before anything else. Pure. */
import type { NamespaceRequest } from '../../ports.ts';
import { deployerAccount } from './deployer.ts';
import { instanceLabel, managedByBerth, managedByLabel, trustLabel } from './metadata.ts';
import type { KubernetesOptions } from './options.ts';
import { ownLabels } from './ownership.ts';

/** An object to apply; `path` is where its kind lives in the namespace. */
export interface PolicyObject {
  readonly path: string;
  readonly body: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
    readonly [field: string]: unknown;
  };
}

/** Quota, limits, network policy and accounts for one namespace. */
export function policyObjects(namespace: string, options: KubernetesOptions): readonly PolicyObject[] {
  const labels = { [managedByLabel]: managedByBerth, [instanceLabel]: options.instance };
  const object = (api: string, plural: string, kind: string, name: string, fields: object): PolicyObject => ({
    path: `${api === 'v1' ? '/api/v1' : `/apis/${api}`}/namespaces/${namespace}/${plural}/${name}`,
    body: { apiVersion: api, kind, metadata: { name, labels }, ...fields },
  });
  return [
    object('v1', 'resourcequotas', 'ResourceQuota', 'berth', {
      spec: { hard: { ...options.quota, 'services.loadbalancers': '0', 'services.nodeports': '0' } },
    }),
    object('v1', 'limitranges', 'LimitRange', 'berth', {
      spec: {
        limits: [
          {
            type: 'Container',
            default: options.containerDefaults.limits,
            defaultRequest: options.containerDefaults.requests,
          },
        ],
      },
    }),
    object('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', 'berth', {
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ podSelector: {} }, ...gatewayPeers(options)] }],
        egress: egress(options.network.blockedCidrs),
      },
    }),
    object('v1', 'serviceaccounts', 'ServiceAccount', 'default', { automountServiceAccountToken: false }),
    object('v1', 'serviceaccounts', 'ServiceAccount', deployerAccount, { automountServiceAccountToken: false }),
    object('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', deployerAccount, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: options.deployerRole },
      subjects: [{ kind: 'ServiceAccount', name: deployerAccount, namespace }],
    }),
  ];
}

/** Labels that make the API server enforce Pod Security in the namespace. */
export function podSecurityLabels(options: KubernetesOptions): Readonly<Record<string, string>> {
  const level = options.podSecurity;
  return {
    'pod-security.kubernetes.io/enforce': level,
    // Left out, somebody else may set it to a version from before a rule.
    'pod-security.kubernetes.io/enforce-version': 'latest',
    'pod-security.kubernetes.io/warn': level,
    'pod-security.kubernetes.io/audit': level,
  };
}

/** Every label of Berth's on the namespace of a preview. */
export function namespaceLabels(
  options: KubernetesOptions,
  { key, trust }: Pick<NamespaceRequest, 'key' | 'trust'>,
): Readonly<Record<string, string>> {
  return { ...podSecurityLabels(options), ...ownLabels(options.instance, key), [trustLabel]: trust };
}

function gatewayPeers({ network }: KubernetesOptions): readonly object[] {
  return [
    ...(network.gatewayNamespaceLabels === undefined
      ? []
      : [{ namespaceSelector: { matchLabels: network.gatewayNamespaceLabels } }]),
    ...network.gatewayCidrs.map((cidr) => ({ ipBlock: { cidr } })),
  ];
}

function egress(blockedCidrs: readonly string[]): readonly object[] {
  const except = (ofVersion6: boolean) => blockedCidrs.filter((cidr) => cidr.includes(':') === ofVersion6);
  return [
    { to: [{ podSelector: {} }] },
    // Resolvers live in the blocked ranges, at addresses that differ from cluster to cluster.
    {
      ports: [
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
      ],
    },
    {
      to: [
        { ipBlock: { cidr: '0.0.0.0/0', except: except(false) } },
        { ipBlock: { cidr: '::/0', except: except(true) } },
      ],
    },
  ];
}
