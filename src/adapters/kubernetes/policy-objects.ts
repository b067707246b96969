/** What is in a preview's namespace before anything else. Pure. */
import type { JsonObject } from '../../domain/json.ts';
import type { Trust } from '../../domain/preview.ts';
import type { NamespaceRequest } from '../../ports.ts';
import { deployerAccount } from './deployer.ts';
import { instanceLabel, managedByBerth, managedByLabel, repositoryAnnotation, trustLabel } from './metadata.ts';
import { networkPolicySpec } from './network-policy.ts';
import type { KubernetesOptions } from './options.ts';
import { ownLabels } from './ownership.ts';

/** An object to apply; `path` is where its kind lives in the namespace. */
export interface PolicyObject {
  readonly path: string;
  readonly body: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: {
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly [field: string]: unknown;
  };
}

type NamespaceObject = Pick<PolicyObject['body'], 'apiVersion' | 'kind' | 'metadata'>;

/** Quota, limits, network policy, accounts and the deployer's rights for one namespace. */
export function policyObjects(namespace: string, options: KubernetesOptions, trust: Trust): readonly PolicyObject[] {
  const labels = { [managedByLabel]: managedByBerth, [instanceLabel]: options.instance };
  const object = (api: string, plural: string, kind: string, name: string, fields: object): PolicyObject => ({
    path: `${api === 'v1' ? '/api/v1' : `/apis/${api}`}/namespaces/${namespace}/${plural}/${name}`,
    body: { apiVersion: api, kind, metadata: { name, labels }, ...fields },
  });
  const { quota, containers, network, deployerRole } = options;
  return [
    object('v1', 'resourcequotas', 'ResourceQuota', 'berth', {
      spec: { hard: { ...quota[trust], 'services.loadbalancers': '0', 'services.nodeports': '0' } },
    }),
    object('v1', 'limitranges', 'LimitRange', 'berth', { spec: { limits: [containerLimits(containers)] } }),
    object('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', 'berth', {
      spec: networkPolicySpec(network, trust),
    }),
    object('v1', 'serviceaccounts', 'ServiceAccount', 'default', { automountServiceAccountToken: false }),
    object('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', deployerAccount, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: deployerRole },
      subjects: [{ kind: 'ServiceAccount', name: deployerAccount, namespace }],
    }),
  ];
}

/** The namespace itself, without what changes in its life. */
export function namespaceObject(options: KubernetesOptions, request: NamespaceRequest): NamespaceObject {
  const metadata = {
    name: request.name,
    labels: namespaceLabels(options, request),
    annotations: namespaceAnnotations(request),
  };
  return { apiVersion: 'v1', kind: 'Namespace', metadata };
}

/** The namespace and everything that is in it before anything else, as `kubectl apply` would take it. */
export function confiningObjects(options: KubernetesOptions, request: NamespaceRequest): readonly JsonObject[] {
  const namespace = request.name;
  const objects = policyObjects(namespace, options, request.trust);
  const bodies = [
    namespaceObject(options, request),
    ...objects.map(({ body }) => ({ ...body, metadata: { ...body.metadata, namespace } })),
  ];
  return bodies;
}

/**
 * What may not be in the namespace: the deployer is an account in name only, which Berth acts as. Were there an object of that
 * name, pods could run as it and do what the deployer may.
 */
export function forbiddenPaths(namespace: string): readonly string[] {
  return [`/api/v1/namespaces/${namespace}/serviceaccounts/${deployerAccount}`];
}

/** What is left out the API server would fill in from the next field, and it would not be as we set it. */
function containerLimits({ requests, limits, max }: KubernetesOptions['containers']): object {
  const defaults = { ...max, ...limits };
  return { type: 'Container', max, default: defaults, defaultRequest: { ...defaults, ...requests } };
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

/** What is written on the namespace beside. */
export function namespaceAnnotations({
  repository,
}: Pick<NamespaceRequest, 'repository'>): Readonly<Record<string, string>> {
  return { [repositoryAnnotation]: `${repository.owner}/${repository.name}` };
}
