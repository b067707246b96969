/** What an account may do, as the cluster itself sees it. */
import type { Installation } from './installation.ts';

interface Review {
  readonly status: {
    readonly resourceRules: readonly {
      readonly verbs: readonly string[];
      readonly apiGroups: readonly string[];
      readonly resources: readonly string[];
      readonly resourceNames?: readonly string[];
    }[];
  };
}

/**
 * The rights of a service account of Berth's in all namespaces: `<verb> <group>/<resource>[ <name>]`, sorted. Without what every
 * account may, such as to ask what it may, which is more with each Kubernetes.
 */
export async function rightsOf(berth: Installation, account: string): Promise<readonly string[]> {
  const [rights, everybodys] = await Promise.all([reviewed(berth, account), reviewed(berth, 'nobody')]);
  return rights.filter((right) => !everybodys.includes(right));
}

async function reviewed({ kubectl, name }: Installation, account: string): Promise<readonly string[]> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace: 'default' },
  };
  const user = `system:serviceaccount:${name}:${account}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${name}`, 'system:authenticated'];
  const acting = [`--as=${user}`, ...groups.map((group) => `--as-group=${group}`)];
  const text = await kubectl(['create', '--filename=-', '--output=json', ...acting], JSON.stringify(review));
  const { resourceRules } = (JSON.parse(text) as Review).status;
  const all = resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames = [''] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((each) =>
          verbs.map((verb) => rightOf({ verb, group, resource, name: each || undefined })),
        ),
      ),
    ),
  );
  return [...new Set(all)].sort();
}

/** A right in the same words. */
export function rightOf({ verb, group, resource, name }: RightWords): string {
  return `${verb} ${group}/${resource}${name === undefined ? '' : ` ${name}`}`;
}

interface RightWords {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
}
