/** Names of container images. The grammar's source: github.com/distribution/reference. */

export interface ImageReference {
  /** Registry and path: `ghcr.io/acme/api`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string | undefined;
}

const component = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const host = '[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::[0-9]{1,5})?';
const grammar = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** The parts of a reference; `undefined` when it is none. */
export function parseImageReference(text: string): ImageReference | undefined {
  const match = text.length <= 512 ? grammar.exec(text) : null;
  return match?.[1] ? { repository: match[1], tag: match[2], digest: match[3] } : undefined;
}

/**
 * The reference that always names the same bytes: `<repository>@<digest>`. Without the tag, because not every runtime
 * accepts both (CRI-O's image library refuses them).
 */
export function pinnedReference(ref: string, digest: string): string {
  return `${parseImageReference(ref)?.repository ?? ref}@${digest}`;
}
