/** Names of a preview's things: readable, DNS-safe, bounded, unique across owners. */
import { createHash } from 'node:crypto';
import type { PreviewKey } from './preview.ts';

/** Helm's release in every preview namespace; releases are scoped by namespace. */
export const releaseName = 'preview';

/**
 * The namespace for a preview, e.g. `pr-42-shop-k3x9ab`: at most 41 characters, a DNS label, never containing `--`.
 * The suffix keeps repositories of the same name apart, and Berths on one cluster by their `instance`. Look existing
 * namespaces up by label instead: the name holds the repository's name at the time of creation.
 */
export function namespaceName(instance: string, key: PreviewKey, repositoryName: string): string {
  const number = String(key.number);
  // 41 characters without `pr-`, the suffix and the two dashes around the slug; long numbers leave less of it.
  const slug = slugOf(repositoryName, Math.min(18, 30 - number.length));
  return ['pr', number, slug, shortHash(`${instance}/${key.repositoryId}/${key.number}`)].filter(Boolean).join('-');
}

/**
 * First label of a route's host: the namespace's name for the main route, `<route>--<namespace>` for the others; at
 * most 63 characters as DNS demands (RFC 1035), given route names of at most 20.
 */
export function hostLabel(namespace: string, routeName: string, isMain: boolean): string {
  return isMain ? namespace : `${routeName}--${namespace}`;
}

/** The inverse of `hostLabel`; `route` is `undefined` for the main route. */
export function parseHostLabel(label: string): { readonly namespace: string; readonly route: string | undefined } {
  const at = label.indexOf('--');
  return at < 0
    ? { namespace: label, route: undefined }
    : { namespace: label.slice(at + 2), route: label.slice(0, at) };
}

/** Lower-case letters, digits and single dashes, no dash at the ends, at most `maxLength` characters; may be empty. */
export function slugOf(text: string, maxLength: number): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxLength)
    .replace(/^-+|-+$/g, '');
}

/** Six characters of base 32, without vowels' worth of words to worry about: 2^30 values. */
function shortHash(text: string): string {
  const alphabet = '0123456789bcdfghjklmnpqrstvwxyz'.concat('a');
  return [...createHash('sha256').update(text).digest().subarray(0, 6)].map((byte) => alphabet[byte % 32]).join('');
}
