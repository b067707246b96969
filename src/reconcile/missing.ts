/** When to believe GitHub that it does not know a pull request. */
import { RetryLaterError } from '../domain/errors.ts';
import { keyId, type PreviewKey } from '../domain/preview.ts';
import type { Ports } from './ports.ts';

/** Longer than GitHub's replicas are behind each other, and than most of its bad moments. */
const believedAfterMs = 60_000;
const askAgainMs = 15_000;
/** Asked for less often than that, it may have been there in between. */
const forgottenAfterMs = 3 * askAgainMs;
/** Unless it is found. */
const believedForMs = 86_400_000;

/**
 * A pull request that was not found: its event may have been faster than GitHub's replicas, or GitHub may have a bad
 * moment, and what runs would be removed for it. So it is asked for again, and believed when it has been missing for a minute.
 * @throws RetryLaterError until then.
 */
export async function believeMissing({ store, clock }: Pick<Ports, 'store' | 'clock'>, key: PreviewKey): Promise<void> {
  const known = await store.get(missingKey(key));
  const since = known === undefined ? clock.now() : Number.parseInt(known, 10);
  const isBelieved = clock.now() - since >= believedAfterMs;
  await store.set(missingKey(key), String(since), isBelieved ? believedForMs : forgottenAfterMs);
  if (isBelieved) return;
  throw new RetryLaterError('GitHub does not know the pull request', clock.now() + askAgainMs);
}

/** To be called when it is found. */
export async function forgetMissing({ store }: Pick<Ports, 'store'>, key: PreviewKey): Promise<void> {
  await store.forget(missingKey(key));
}

/** Where the store keeps since when a pull request has been missing. */
function missingKey(key: PreviewKey): string {
  return `missing:${keyId(key)}`;
}
