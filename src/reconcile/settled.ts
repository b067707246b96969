/** What a finished pass leaves for the sweep, so that it need not look again at what has not changed. A cache only. */
import { intentOf } from '../domain/desired.ts';
import { keyId, type PreviewKey, type PullRequest } from '../domain/preview.ts';

/** Longer than the lists of what was closed go back: each closed pull request is looked at once. */
const closedTtlMs = 30 * 86_400_000;

/** Where in the store it is. */
export function settledKey(key: PreviewKey): string {
  return `settled:${keyId(key)}`;
}

/** What was settled: the intent of the pull request, and the namespace (by UID) that serves it, if any. */
export function settledValue(pullRequest: PullRequest | undefined, namespaceUid: string | undefined): string {
  return `${namespaceUid ?? 'none'} ${pullRequest?.state ?? 'gone'} ${intentOf(pullRequest)}`;
}

/** What a settled value says. */
interface Settled {
  /** `none` without a namespace. */
  readonly uid: string;
  readonly state: string;
  readonly intent: string;
}

function parse(value: string | undefined): Settled | undefined {
  const [, uid, state, intent] = /^(\S+) (\S+) (.*)$/.exec(value ?? '') ?? [];
  return uid && state && intent ? { uid, state, intent } : undefined;
}

/** Whether that was settled, with that namespace: `none` for without, `any` for whichever. */
export function isSettledAs(value: string | undefined, pullRequest: PullRequest, uid: string): boolean {
  const settled = parse(value);
  return settled?.intent === intentOf(pullRequest) && (uid === 'any' || settled.uid === uid);
}

/** Whether something was settled for the namespace with that UID. */
export function isSettledIn(value: string | undefined, uid: string): boolean {
  return parse(value)?.uid === uid;
}

/** Whether the pull request was closed, and nothing of its preview left in the cluster. */
export function isSettledAsClosed(value: string | undefined): boolean {
  const settled = parse(value);
  return settled?.uid === 'none' && settled.state === 'closed';
}

/**
 * How long a settled preview is believed before it is looked at again whatever the list says. Open ones: between half the
 * interval and all of it, each for a time of its own, lest those that settled at once are all looked at in one sweep.
 */
export function settledTtlMs(key: PreviewKey, pullRequest: PullRequest | undefined, resyncIntervalMs: number): number {
  if (pullRequest?.state === 'closed') return closedTtlMs;
  // Multiples of the golden ratio spread evenly, however many numbers in a row there are.
  const share = ((key.repositoryId + key.number) * 0.618_033_988_749_895) % 1;
  return resyncIntervalMs * (0.5 + share / 2);
}
