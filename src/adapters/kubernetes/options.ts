/** What an operator may decide about previews' namespaces. */
import { defaultPatience, type Patience } from './finding.ts';

export interface KubernetesOptions {
  /** Keeps several Berths on one cluster apart; a label value. */
  readonly instance: string;
  /** Pod Security level of previews. */
  readonly podSecurity: 'restricted' | 'baseline' | 'privileged';
  /** ResourceQuota `hard`, e.g. `{ pods: '20' }`; load balancers and node ports are always 0. */
  readonly quota: Readonly<Record<string, string>>;
  /** What a container gets that does not say. */
  readonly containerDefaults: ContainerDefaults;
  readonly network: NetworkOptions;
  /** Name of the ClusterRole that the deployer account gets in each namespace. */
  readonly deployerRole: string;
  /** How long pods may take to end when a preview is removed. */
  readonly podGraceSeconds: number;
  readonly patience: Patience;
  /** However quiet a watch is, it is not believed for longer. */
  readonly relistMs: number;
  /** How long the API server may take to answer; 10 s when left out. */
  readonly requestTimeoutMs?: number;
}

interface ContainerDefaults {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

interface NetworkOptions {
  /** Labels of the namespace that the gateway runs in; `undefined` when it runs outside the cluster. */
  readonly gatewayNamespaceLabels: Readonly<Record<string, string>> | undefined;
  /** Addresses that may reach previews, e.g. those of the nodes. */
  readonly gatewayCidrs: readonly string[];
  /** What previews may not reach: the API server, other previews, metadata services, the network around the cluster. */
  readonly blockedCidrs: readonly string[];
}

export const defaultKubernetesOptions: KubernetesOptions = {
  instance: 'default',
  podSecurity: 'restricted',
  quota: {
    pods: '20',
    'requests.cpu': '4',
    'requests.memory': '8Gi',
    'limits.cpu': '16',
    'limits.memory': '16Gi',
    persistentvolumeclaims: '5',
    'requests.storage': '20Gi',
  },
  containerDefaults: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } },
  network: {
    gatewayNamespaceLabels: undefined,
    gatewayCidrs: [],
    // Private, shared and link-local ranges; 169.254.169.254 and fd00:ec2::254 are clouds' metadata services.
    blockedCidrs: [
      '10.0.0.0/8',
      '100.64.0.0/10',
      '169.254.0.0/16',
      '172.16.0.0/12',
      '192.168.0.0/16',
      'fc00::/7',
      'fe80::/10',
    ],
  },
  deployerRole: 'berth-deployer',
  podGraceSeconds: 2,
  patience: defaultPatience,
  relistMs: 60_000,
};
