/** What a finished pass leaves for the sweep, so that it need not look again at what has not changed. A cache only. */
import { intentOf } from '../domain/desired.ts';
import { keyId, type PreviewKey, type PullRequest } from '../domain/preview.ts';

/** How long a settled preview is believed before it is looked at again whatever the list says. */
export const settledTtlMs = 60 * 60 * 1000;

/** Where in the store it is. */
export function settledKey(key: PreviewKey): string {
  return `settled:${keyId(key)}`;
}

/** What was settled: the intent of the pull request, and the namespace (by UID) that serves it, if any. */
export function settledValue(pullRequest: PullRequest | undefined, namespaceUid: string | undefined): string {
  return `${namespaceUid ?? 'none'} ${intentOf(pullRequest)}`;
}
