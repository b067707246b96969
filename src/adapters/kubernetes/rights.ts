/** What Berth's own account must be allowed in the cluster: every verb that this adapter and Helm use, and no other. */
import { deployerAccount } from './deployer.ts';

/** One thing to be allowed. */
export interface Right {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource, if any: `pods/log`. */
  readonly resource: string;
  /** The only object that is meant; `undefined` for all. */
  readonly name: string | undefined;
  /** The only namespace that is meant; all when left out. */
  readonly namespace?: string;
}

/** The roles of a process that do something in the cluster; the server does nothing there. */
type ActingRole = 'worker' | 'sweep' | 'gateway';

const groups: readonly ({
  readonly group: string;
  readonly resources: readonly string[];
} & Readonly<Partial<Record<ActingRole, readonly string[]>>>)[] = [
  {
    group: '',
    resources: ['namespaces'],
    worker: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    sweep: ['list'],
    gateway: ['list', 'watch'],
  },
  // Server-side apply asks for both of the last when the object is not there yet.
  {
    group: '',
    resources: ['resourcequotas', 'limitranges'],
    worker: ['get', 'list', 'create', 'patch'],
    sweep: ['list'],
  },
  // Deleted when somebody has made an object of the deployer's name.
  {
    group: '',
    resources: ['serviceaccounts'],
    worker: ['get', 'list', 'create', 'patch', 'delete'],
    sweep: ['list'],
  },
  {
    group: 'networking.k8s.io',
    resources: ['networkpolicies'],
    worker: ['get', 'list', 'create', 'patch'],
    sweep: ['list'],
  },
  // Deleted only to be made again, when the operator has named another role.
  {
    group: 'rbac.authorization.k8s.io',
    resources: ['rolebindings'],
    worker: ['get', 'list', 'create', 'patch', 'delete'],
    sweep: ['list'],
  },
  // The gateway looks whether an endpoint is a pod of the preview.
  { group: '', resources: ['pods'], worker: ['list', 'watch', 'delete'], gateway: ['get'] },
  { group: '', resources: ['pods/log'], worker: ['get'] },
  { group: '', resources: ['events'], worker: ['list', 'watch'] },
  // Helm's records; their payload is never asked for.
  { group: '', resources: ['secrets'], worker: ['list'], sweep: ['list'] },
  { group: '', resources: ['services'], worker: ['list'], gateway: ['get'] },
  { group: '', resources: ['endpoints'], gateway: ['get'] },
  {
    group: 'apps',
    resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
    worker: ['list', 'watch'],
  },
  { group: 'batch', resources: ['jobs'], worker: ['list', 'watch'] },
];

const allRoles: readonly string[] = ['server', 'worker', 'gateway', 'sweep'];

/**
 * Everything that processes with these roles need to run previews with this deployer role, and with Secrets from that namespace
 * if there is one. Nothing twice. `charts/berth` gives the same to each role.
 */
export function neededRights(
  deployerRole: string,
  secretsNamespace: string | undefined,
  roles: readonly string[] = allRoles,
): readonly Right[] {
  const verbsOf = (verbs: Readonly<Partial<Record<ActingRole, readonly string[]>>>) => [
    ...new Set(
      (['worker', 'sweep', 'gateway'] as const).flatMap((role) => (roles.includes(role) ? (verbs[role] ?? []) : [])),
    ),
  ];
  const listed = groups.flatMap(({ group, resources, ...verbs }) =>
    resources.flatMap((resource) => verbsOf(verbs).map((verb) => ({ verb, group, resource, name: undefined }))),
  );
  const asDeployer = [
    // To give away what one does not have oneself: the deployer's rights in a preview's namespace.
    { verb: 'bind', group: 'rbac.authorization.k8s.io', resource: 'clusterroles', name: deployerRole },
    // Helm acts as the namespace's deployer.
    { verb: 'impersonate', group: '', resource: 'serviceaccounts', name: deployerAccount },
  ];
  // In this one namespace the worker reads the payload; a sweep only looks what there is.
  const ofSecrets = (namespace: string) =>
    verbsOf({ worker: ['get', 'list'], sweep: ['list'] }).map((verb) => ({
      verb,
      group: '',
      resource: 'secrets',
      name: undefined,
      namespace,
    }));
  return [
    ...listed,
    ...(roles.includes('worker') ? asDeployer : []),
    ...(secretsNamespace === undefined ? [] : ofSecrets(secretsNamespace)),
  ];
}

/** As people write it: `patch networkpolicies.networking.k8s.io`, `get secrets in berth-secrets`. */
export function rightText({ verb, group, resource, name, namespace }: Right): string {
  const [plural = resource, sub] = resource.split('/');
  const kind = `${plural}${group === '' ? '' : `.${group}`}${sub === undefined ? '' : `/${sub}`}`;
  return `${verb} ${kind}${name === undefined ? '' : ` ${name}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
}
