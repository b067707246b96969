import type { Ports } from './ports.ts';
import { sweep } from './sweep.ts';

/** Decides when to sweep: at once, when somebody asks, and every now and then. Never twice at once in one process. */
export interface SweepClock {
  /** Asks for a sweep; one that is asked for during a sweep follows it. */
  soon(): void;
  /** Stops the running sweep and waits for it. */
  close(): Promise<void>;
}

/** `intervalMs` is the time between the end of a sweep and the next; without it only `soon` leads to one. */
export function startSweeping(
  ports: Pick<Ports, 'forge' | 'cluster' | 'queue' | 'store' | 'log'>,
  intervalMs: number | undefined,
): SweepClock {
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  const sweepAll = async (): Promise<void> => {
    do {
      again = false;
      try {
        await sweep(ports, closing.signal);
      } catch (err) {
        if (!closing.signal.aborted) ports.log.warn({ err }, 'sweep not finished');
      }
    } while (again && !closing.signal.aborted);
    running = undefined;
    if (intervalMs !== undefined && !closing.signal.aborted) timer = setTimeout(soon, intervalMs);
  };
  const soon = (): void => {
    if (closing.signal.aborted) return;
    clearTimeout(timer);
    again = true;
    running ??= sweepAll();
  };
  return {
    soon,
    async close() {
      closing.abort(new Error('stopping'));
      clearTimeout(timer);
      await running;
    },
  };
}
