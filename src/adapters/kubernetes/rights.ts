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

const groups: readonly {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}[] = [
  { group: '', resources: ['namespaces'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  // Server-side apply asks for both of the last when the object is not there yet.
  { group: '', resources: ['resourcequotas', 'limitranges'], verbs: ['get', 'list', 'create', 'patch'] },
  // Deleted when somebody has made an object of the deployer's name.
  { group: '', resources: ['serviceaccounts'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: ['get', 'list', 'create', 'patch'] },
  // Deleted only to be made again, when the operator has named another role.
  {
    group: 'rbac.authorization.k8s.io',
    resources: ['rolebindings'],
    verbs: ['get', 'list', 'create', 'patch', 'delete'],
  },
  { group: '', resources: ['pods'], verbs: ['list', 'watch', 'delete'] },
  { group: '', resources: ['pods/log'], verbs: ['get'] },
  { group: '', resources: ['events'], verbs: ['list', 'watch'] },
  // Helm's records; their payload is never asked for.
  { group: '', resources: ['secrets'], verbs: ['list'] },
  { group: '', resources: ['services'], verbs: ['get', 'list'] },
  { group: '', resources: ['endpoints'], verbs: ['get'] },
  { group: 'apps', resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], verbs: ['list', 'watch'] },
  { group: 'batch', resources: ['jobs'], verbs: ['list', 'watch'] },
];

/** Everything that is needed to run previews with this deployer role, and with Secrets from that namespace if there is one. */
export function neededRights(deployerRole: string, secretsNamespace: string | undefined): readonly Right[] {
  const listed = groups.flatMap(({ group, resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource, name: undefined }))),
  );
  return [
    ...listed,
    // To give away what one does not have oneself: the deployer's rights in a preview's namespace.
    { verb: 'bind', group: 'rbac.authorization.k8s.io', resource: 'clusterroles', name: deployerRole },
    // Helm acts as the namespace's deployer.
    { verb: 'impersonate', group: '', resource: 'serviceaccounts', name: deployerAccount },
    // In this one namespace the payload is read.
    ...(secretsNamespace === undefined
      ? []
      : ['get', 'list'].map((verb) => ({
          verb,
          group: '',
          resource: 'secrets',
          name: undefined,
          namespace: secretsNamespace,
        }))),
  ];
}

/** As people write it: `patch networkpolicies.networking.k8s.io`, `get secrets in berth-secrets`. */
export function rightText({ verb, group, resource, name, namespace }: Right): string {
  const [plural = resource, sub] = resource.split('/');
  const kind = `${plural}${group === '' ? '' : `.${group}`}${sub === undefined ? '' : `/${sub}`}`;
  return `${verb} ${kind}${name === undefined ? '' : ` ${name}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
}
