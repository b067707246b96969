import { setImmediate } from 'node:timers/promises';
import type { AlarmClock } from '../../src/ports.ts';

export interface FakeClock extends AlarmClock {
  /** Calls back when so much time has passed; returns how to give up on it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Lets time pass; what falls due happens in order, each at its time, and has run its course before the next. */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it. */
export function fakeClock(startAt = Date.UTC(2030, 0, 1)): FakeClock {
  const timers = new Set<Timer>();
  let now = startAt;
  const after = (delayMs: number, callback: () => void) => {
    const timer = { dueAt: now + Math.max(delayMs, 0), callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => now,
    after,
    timeout(ms) {
      const controller = new AbortController();
      after(ms, () => controller.abort(new DOMException('the time is up', 'TimeoutError')));
      return controller.signal;
    },
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        await setImmediate();
        const [next] = [...timers].filter((timer) => timer.dueAt <= until).sort((a, b) => a.dueAt - b.dueAt);
        if (!next) break;
        timers.delete(next);
        now = next.dueAt;
        next.callback();
      }
      now = until;
    },
  };
}
