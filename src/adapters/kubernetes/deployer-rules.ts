/** What the rules of a ClusterRole let charts do. Pure. */
import type { Right } from './rights.ts';

/** Part of a ClusterRole. Source: kubernetes.io/docs/reference/access-authn-authz/rbac */
export interface RoleRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const writing = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const core = '';
const rbac = 'rbac.authorization.k8s.io';

/** With any one of these a chart can undo what confines it, or become somebody else. */
const dangerous: readonly {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}[] = [
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: writing },
  { group: core, resources: ['resourcequotas', 'limitranges', 'namespaces'], verbs: writing },
  // They can name addresses that the network policy denies, for the gateway or an ingress controller to connect to.
  { group: core, resources: ['endpoints'], verbs: writing },
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: writing },
  { group: rbac, resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'], verbs: writing },
  { group: rbac, resources: ['roles', 'clusterroles'], verbs: ['bind', 'escalate'] },
  { group: core, resources: ['serviceaccounts', 'users', 'groups'], verbs: ['impersonate'] },
  {
    group: core,
    resources: ['serviceaccounts/token', 'pods/exec', 'pods/attach', 'pods/portforward'],
    verbs: ['create'],
  },
  // A websocket, which is how browsers connect, is a GET.
  { group: core, resources: ['pods/exec', 'pods/attach', 'pods/portforward'], verbs: ['get'] },
  { group: core, resources: ['pods/ephemeralcontainers'], verbs: ['update', 'patch'] },
];

/** What the rules allow and charts must not be allowed. */
export function dangerousRights(rules: readonly RoleRule[]): readonly Right[] {
  return dangerous.flatMap(({ group, resources, verbs }) =>
    resources.flatMap((resource) =>
      verbs
        .map((verb): Right => ({ verb, group, resource, name: undefined }))
        .filter((right) => rules.some((rule) => allows(rule, right))),
    ),
  );
}

/** Whether every one of the rules is among the others. */
export function includesRules(rules: readonly RoleRule[], needed: readonly RoleRule[]): boolean {
  return needed.every(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.every((group) =>
      resources.every((resource) =>
        verbs.every((verb) => rules.some((rule) => allows(rule, { verb, group, resource, name: undefined }))),
      ),
    ),
  );
}

/** A rule for named objects counts as one for all: it takes a person to see that it does no harm. */
function allows({ apiGroups = [], resources = [], verbs }: RoleRule, { verb, group, resource }: Right): boolean {
  const [, subresource] = resource.split('/');
  const has = (list: readonly string[], item: string) => list.includes(item) || list.includes('*');
  const isMeant = has(resources, resource) || (subresource !== undefined && resources.includes(`*/${subresource}`));
  return has(apiGroups, group) && isMeant && has(verbs, verb);
}
