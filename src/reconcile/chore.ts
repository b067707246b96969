/** What is done every now and then. */
import { claimTtlMs, whileClaimed } from './claimed.ts';
import type { Ports } from './ports.ts';

export interface Chore {
  /** In the log; also what the processes claim. */
  readonly name: string;
  /** Whether one process does it for all, or each for itself. */
  readonly by: 'one process' | 'each process';
  /** The time between the end of one and the next; without it only `soon` leads to one. */
  readonly everyMs: number | undefined;
  /** Whether it makes up for what was missed while no process ran: then each start is a reason to do it. */
  readonly catchesUp: boolean;
  /** Interrupted and done again at any moment. */
  run(signal: AbortSignal): Promise<void>;
}

/** Decides when a chore is done. Never twice at once. */
export interface ChoreClock {
  /** Asks for it. What is asked for while it is done, here or elsewhere, leads to one more afterwards. */
  soon(): void;
  /** From now on it is done every now and then. */
  start(): void;
  /** Stops what runs and waits for it. */
  close(): Promise<void>;
}

/** How long to leave a chore that was asked for to the process that does it, before asking again. */
export const askAgainMs = claimTtlMs / 3;

/** Of the interval: a process whose time comes a little early must still find it over. */
const latelyShare = 0.9;

/** Does nothing before it is asked. */
export function startChore(
  { store, log }: Pick<Ports, 'store' | 'log'>,
  { name, by, everyMs, catchesUp, run }: Chore,
): ChoreClock {
  const closing = new AbortController();
  const doneKey = `done:${name}`;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isAsked = false;
  let failure: string | undefined;

  const runForAll = (evenIfDone: boolean) =>
    whileClaimed(store, name, closing.signal, async (signal) => {
      if (!evenIfDone && (await store.get(doneKey)) !== undefined) return;
      await run(signal);
      if (everyMs !== undefined) await store.set(doneKey, 'yes', everyMs * latelyShare);
    });
  const runForItself = async (): Promise<true> => {
    await run(closing.signal);
    return true;
  };
  /** @returns whether another process does it. */
  const isTaken = async (evenIfDone: boolean): Promise<boolean> => {
    try {
      const isDone = await (by === 'one process' ? runForAll(evenIfDone) : runForItself());
      if (isDone && failure !== undefined) log.info({ chore: name }, 'chore works again');
      if (isDone) failure = undefined;
      return !isDone;
    } catch (err) {
      if (closing.signal.aborted) return false;
      const message = err instanceof Error ? err.message : String(err);
      // What lasts is told once: it is tried again with every interval.
      log[message === failure ? 'debug' : 'warn']({ err, chore: name }, 'chore failed');
      failure = message;
      return false;
    }
  };
  const work = async (): Promise<void> => {
    let isLeft = false;
    do {
      const evenIfDone = isAsked;
      isAsked = false;
      isLeft = (await isTaken(evenIfDone)) && evenIfDone;
    } while (isAsked && !isLeft && !closing.signal.aborted);
    running = undefined;
    if (closing.signal.aborted) return;
    if (isLeft || isAsked) timer = setTimeout(soon, askAgainMs);
    else if (everyMs !== undefined) timer = setTimeout(whenDue, everyMs);
  };
  const whenDue = (): void => {
    if (closing.signal.aborted) return;
    clearTimeout(timer);
    running ??= work();
  };
  const soon = (): void => {
    isAsked = true;
    whenDue();
  };
  return {
    soon,
    start: catchesUp ? soon : whenDue,
    async close() {
      closing.abort(new Error('stopping'));
      clearTimeout(timer);
      await running;
    },
  };
}
