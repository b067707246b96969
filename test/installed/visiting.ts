/** Somebody who looks at a page again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from '../e2e/visit.ts';

export interface Visitor extends AsyncDisposable {
  /** Ends the visits. @returns what was got instead of the page, in words. */
  refused(): Promise<readonly string[]>;
}

/** Visits every `everyMs` until it is asked what happened, or disposed of. */
export async function visiting(visit: () => Promise<Answer>, everyMs = 100): Promise<Visitor> {
  const stop = new AbortController();
  const refusals: string[] = [];
  const visits = (async () => {
    while (!stop.signal.aborted) {
      const refusal = await visit().then(
        ({ status }) => (status === 200 ? undefined : `status ${status}`),
        (error: unknown) => String(error),
      );
      if (refusal !== undefined) refusals.push(refusal);
      await delay(everyMs);
    }
  })();
  const end = async () => {
    stop.abort();
    await visits;
  };
  return {
    async refused() {
      await end();
      return refusals;
    },
    [Symbol.asyncDispose]: end,
  };
}
