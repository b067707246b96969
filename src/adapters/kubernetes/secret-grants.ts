/** Which repositories a Secret was given to. Pure. */
import type { Repository } from '../../domain/preview.ts';
import { repositoriesAnnotation } from './metadata.ts';
import type { KubernetesObject, Secret } from './objects.ts';

/**
 * Types that are Kubernetes' or Helm's own business. A copy of a service account's token would be thrown away by the cluster, or
 * made a token of the preview's; a copy of a release would be taken for one.
 */
const neverGiven = ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token', 'helm.sh/release.v1'];

/** Selects the others. */
export const givableSelector = neverGiven.map((type) => `type!=${type}`).join(',');

/** Whether the Secret may be given to anybody at all. */
export function isGivable({ type }: Secret): boolean {
  return type === undefined || !neverGiven.includes(type);
}

/**
 * Whether the operator has given the Secret to the repository: `acme/shop` in its annotation, or `acme/*` for all of an owner's.
 * GitHub's names are the same in upper and lower case. Anything else in the annotation gives nothing to nobody.
 */
export function isGivenTo(
  { metadata }: KubernetesObject,
  { owner, name }: Pick<Repository, 'owner' | 'name'>,
): boolean {
  const given = metadata.annotations?.[repositoriesAnnotation]?.split(',').map((item) => item.trim().toLowerCase());
  // No repository and no owner is called `*`; still, none may be taken for everybody.
  if (given === undefined || !isName(owner) || !isName(name)) return false;
  return given.includes(`${owner}/${name}`.toLowerCase()) || given.includes(`${owner}/*`.toLowerCase());
}

function isName(text: string): boolean {
  return /^[\w.-]+$/.test(text);
}
