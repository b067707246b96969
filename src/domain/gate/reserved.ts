/** Names that are taken in every preview's namespace. */
import type { Place } from './place.ts';
import { quoted } from './refusals.ts';

/** The account that Helm acts as; `src/adapters/kubernetes/deployer.ts` makes it. */
export const deployerAccount = 'berth-deployer';

/** Accounts that Berth sets up, before the chart and with what it may not change. */
export function checkServiceAccount(object: Place): void {
  const name = object.at('metadata', 'name').text();
  if (name === 'default' || name === deployerAccount) {
    object.at('metadata', 'name').refuse(`the account ${quoted(name)} is set up by Berth`);
  }
}

/** Secrets and ConfigMaps: what Helm and Kubernetes keep in them is not the chart's to write. */
export function checkStoredData(object: Place): void {
  const name = object.at('metadata', 'name');
  const text = name.text() ?? '';
  if (text.startsWith('sh.helm.release.')) name.refuse('Helm keeps its releases under such names');
  if (text === 'kube-root-ca.crt') name.refuse('Kubernetes keeps its own certificate under this name');
  for (const [label, value, place] of object.at('metadata', 'labels').texts()) {
    if (label === 'owner' && value === 'helm') place.refuse('Helm finds its releases by this label');
  }
  const type = object.at('type');
  const refused = secretTypes.get(type.text() ?? '');
  if (refused !== undefined) type.refuse(refused);
}

const secretTypes: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/service-account-token', 'tokens of accounts may not be asked for'],
  ['bootstrap.kubernetes.io/token', 'tokens that let nodes join may not be made'],
  ['helm.sh/release.v1', 'Helm keeps its releases in Secrets of this type'],
]);
