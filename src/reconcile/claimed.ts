import type { Store } from '../ports.ts';

/** How long a claim outlives a process that dies with it. */
export const claimTtlMs = 15_000;

/** How often a claim is renewed within its time. */
const renewals = 3;

/**
 * Does `work` while holding the claim `name`, so that one process of all does it. Its signal is aborted as well when the
 * claim is lost.
 * @returns whether it was done; `false` when another process has the claim or has taken it over meanwhile.
 */
export async function whileClaimed(
  store: Pick<Store, 'claim'>,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const claim = await store.claim(name, claimTtlMs);
  if (!claim) return false;
  const lost = new AbortController();
  let unanswered = 0;
  const timer = setInterval(() => {
    if (unanswered >= renewals) lost.abort(new Error(`the claim ${name} could not be renewed in time`));
    unanswered += 1;
    void claim.renew().then(
      (isOurs) => {
        if (isOurs) unanswered = 0;
        else lost.abort(new Error(`another process has taken over the claim ${name}`));
      },
      // Redis may be back before the claim is over; until then it counts as unanswered.
      () => undefined,
    );
  }, claimTtlMs / renewals);
  try {
    await work(AbortSignal.any([signal, lost.signal]));
    return true;
  } catch (error) {
    if (lost.signal.aborted && !signal.aborted) return false;
    throw error;
  } finally {
    clearInterval(timer);
    // What cannot be given back ends by itself.
    await claim.release().catch(() => undefined);
  }
}
