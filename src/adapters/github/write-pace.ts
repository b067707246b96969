/**
 * Writes to GitHub, one after the other for each caller, and not too many: GitHub asks for a second between them
 * when there are many, and for at most 80 in a minute. A short burst is let through, so that a push's first word is there
 * at once. Source: docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RetryLaterError } from '../../domain/errors.ts';
import type { Clock } from '../../ports.ts';
import { type Caller, callerName } from './caller.ts';

export interface PaceOptions {
  /** How many writes may go out at once before the pace applies. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface WritePace {
  /**
   * Runs the write when it is its turn.
   * @throws RetryLaterError when that would take longer than is decent while a worker is held.
   */
  run<T>(caller: Caller, signal: AbortSignal, write: () => Promise<T>): Promise<T>;
}

const longestWaitMs = 3_000;

interface Lane {
  /** When the next write would be due if none had been let through early. */
  dueAt: number;
  last: Promise<unknown>;
}

export function createWritePace(clock: Clock, { burst, perSecond }: PaceOptions): WritePace {
  const lanes = new Map<Caller, Lane>();
  const intervalMs = 1_000 / perSecond;

  return {
    async run(caller, signal, write) {
      const now = clock.now();
      let lane = lanes.get(caller);
      if (!lane) lanes.set(caller, (lane = { dueAt: now, last: Promise.resolve() }));
      const dueAt = Math.max(lane.dueAt, now);
      const waitMs = Math.max(dueAt - (burst - 1) * intervalMs - now, 0);
      if (waitMs > longestWaitMs) {
        throw new RetryLaterError(`writes of ${callerName(caller)} are at their pace's limit`, now + waitMs);
      }
      lane.dueAt = dueAt + intervalMs;
      const turn = lane.last.then(async () => {
        if (waitMs > 0) await delay(Math.max(now + waitMs - clock.now(), 0), undefined, { signal });
        signal.throwIfAborted();
        return write();
      });
      // One write's failure is its caller's alone.
      lane.last = turn.catch(() => undefined);
      return turn;
    },
  };
}
