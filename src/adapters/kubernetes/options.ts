/** What an operator may decide about previews' namespaces. */
import { defaultBlockedCidrs, defaultContainers, defaultQuota, type Quantities } from '../../domain/confinement.ts';
import type { Trust } from '../../domain/preview.ts';
import type { Redaction } from '../../ports.ts';
import { defaultPatience, type Patience } from './finding.ts';

export interface KubernetesOptions {
  /** Keeps several Berths on one cluster apart; a label value. */
  readonly instance: string;
  /** Pod Security level of previews. */
  readonly podSecurity: 'restricted' | 'baseline' | 'privileged';
  /** ResourceQuota `hard`, e.g. `{ pods: '20' }`; load balancers and node ports are always 0. */
  readonly quota: Readonly<Record<Trust, Quantities>>;
  readonly containers: ContainerLimits;
  readonly network: NetworkOptions;
  /** Name of the ClusterRole that the deployer account gets in each namespace. */
  readonly deployerRole: string;
  /** Where Secrets for repositories are; none are given when left out. */
  readonly secrets?: SecretOptions | undefined;
  /** How long pods may take to end when a preview is removed. */
  readonly podGraceSeconds: number;
  readonly patience: Patience;
  /** However quiet a watch is, it is not believed for longer. */
  readonly relistMs: number;
  /** How long the API server may take to answer; 10 s when left out. */
  readonly requestTimeoutMs?: number;
}

export interface SecretOptions {
  /** The namespace in which operators keep them. */
  readonly namespace: string;
  /** Told every value that is read, before anything is done with it. */
  readonly hold: Redaction['hold'];
}

interface ContainerLimits {
  /** What a container requests that does not say. */
  readonly requests: Quantities;
  /** What a container is limited to that does not say. */
  readonly limits: Quantities;
  /** What no container may be limited to more than. */
  readonly max: Quantities;
}

interface NetworkOptions {
  /** Labels of the namespace that the gateway runs in; `undefined` when it runs outside the cluster. */
  readonly gatewayNamespaceLabels: Quantities | undefined;
  /** Addresses that may reach previews, e.g. those of the nodes. */
  readonly gatewayCidrs: readonly string[];
  /** Where the cluster's resolvers are: the only ones that previews may ask. */
  readonly resolvers: { readonly namespaces: readonly string[]; readonly cidrs: readonly string[] };
  readonly egress: Readonly<Record<Trust, EgressOptions>>;
  /** What `internet` leaves out: the API server, other previews, metadata services, the network around the cluster. */
  readonly blockedCidrs: readonly string[];
}

interface EgressOptions {
  /** Whether pods may connect to any address that is not blocked. The same namespace and the resolvers they always may. */
  readonly internet: boolean;
  /** What they may connect to besides, blocked or not. */
  readonly allowedCidrs: readonly string[];
}

export const defaultKubernetesOptions: KubernetesOptions = {
  instance: 'default',
  podSecurity: 'restricted',
  quota: { trusted: defaultQuota, untrusted: defaultQuota },
  containers: defaultContainers,
  network: {
    gatewayNamespaceLabels: undefined,
    gatewayCidrs: [],
    // The second is where NodeLocal DNSCache listens. Source: kubernetes.io/docs/tasks/administer-cluster/nodelocaldns
    resolvers: { namespaces: ['kube-system'], cidrs: ['169.254.20.10/32'] },
    egress: {
      trusted: { internet: true, allowedCidrs: [] },
      untrusted: { internet: false, allowedCidrs: [] },
    },
    blockedCidrs: defaultBlockedCidrs,
  },
  deployerRole: 'berth-deployer',
  podGraceSeconds: 2,
  patience: defaultPatience,
  relistMs: 60_000,
};
