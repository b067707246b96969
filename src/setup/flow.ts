/** From GitHub's code to kept credentials, with every way in which that can fail. */
import { timingSafeEqual } from 'node:crypto';
import { CodeRefusedError, type NewApp } from '../adapters/github/new-app.ts';
import type { Destination } from './destination.ts';

/** Where the set-up stands after GitHub sent the person back. */
export type Standing =
  | { readonly at: 'kept'; readonly app: NewApp }
  /** The visit does not come from a form of ours: somebody else's App, perhaps. */
  | { readonly at: 'not ours' }
  /** The code gives nothing, now or later. */
  | { readonly at: 'code refused'; readonly message: string }
  /** GitHub could not be asked; the same code may be tried again. */
  | { readonly at: 'no answer'; readonly message: string }
  /** The App exists, and we have its credentials in memory alone. */
  | { readonly at: 'not kept'; readonly app: NewApp; readonly message: string };

export interface FlowOptions {
  /** Sent along to GitHub, which sends it back. */
  readonly state: string;
  readonly apiUrl: string;
  readonly exchange: (apiUrl: string, code: string, signal: AbortSignal) => Promise<NewApp>;
  readonly destination: Pick<Destination, 'write'>;
}

export interface Flow {
  /** GitHub sent the person here. The code is used once, however often and at however many places the page is loaded. */
  returned(code: string, state: string, signal: AbortSignal): Promise<Standing>;
  /** Keeps what could not be kept; `undefined` when there is nothing to keep. */
  keepAgain(signal: AbortSignal): Promise<Standing | undefined>;
  /** The App whose credentials are in memory alone: lost when the process ends. */
  readonly unkept: NewApp | undefined;
}

export function setupFlow({ state, apiUrl, exchange, destination }: FlowOptions): Flow {
  let app: NewApp | undefined;
  let isKept = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: a page that is loaded twice must neither use the code twice nor write twice. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = turn.then(act);
    turn = result.catch(() => undefined);
    return result;
  }

  async function keep(made: NewApp, signal: AbortSignal): Promise<Standing> {
    if (isKept) return { at: 'kept', app: made };
    const { id: appId, privateKey, webhookSecret, htmlUrl } = made;
    try {
      await destination.write({ appId, privateKey, webhookSecret, htmlUrl, apiUrl }, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { at: 'not kept', app: made, message: messageOf(error) };
    }
    isKept = true;
    return { at: 'kept', app: made };
  }

  return {
    returned: (code, given, signal) =>
      inTurn(async () => {
        if (!isSame(given, state)) return { at: 'not ours' };
        if (app !== undefined) return keep(app, signal);
        try {
          app = await exchange(apiUrl, code, signal);
        } catch (error) {
          signal.throwIfAborted();
          return { at: error instanceof CodeRefusedError ? 'code refused' : 'no answer', message: messageOf(error) };
        }
        return keep(app, signal);
      }),
    keepAgain: (signal) => inTurn(async () => (app === undefined ? undefined : keep(app, signal))),
    get unkept() {
      return isKept ? undefined : app;
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
