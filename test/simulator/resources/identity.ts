/** GitHub's opaque node id: a kind and a number. */
export function nodeId(kind: string, id: number): string {
  return `${kind}_kwDO${Buffer.from(String(id)).toString('base64url')}`;
}

/** GitHub's timestamps have no fraction: `2026-01-31T12:00:00Z`. */
export function timestamp(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
