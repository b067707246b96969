/** Handlers that run now in this process, each with its own way to be stopped. */
import { isDoneWithin } from './done-within.ts';

/**
 * - `closing`: the process ends; the work is handed back.
 * - `lost`: the job is not ours any more, because Redis was emptied or was out of reach for longer than the lock holds.
 * - `cancelled`: nobody wants the result.
 */
export type WhyInterrupted = 'closing' | 'lost' | 'cancelled';

/** The reason of an aborted run's signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly why: WhyInterrupted;
  constructor(why: WhyInterrupted) {
    super(`interrupted: ${why}`);
    this.why = why;
  }
}

export interface Run {
  readonly jobId: string;
  readonly signal: AbortSignal;
  abort(why: WhyInterrupted): void;
  /** Resolves when the handler has ended, whichever way. */
  readonly ended: Promise<void>;
}

/** At most one run per name; names are key ids or references. */
export class Runs<R extends Run> {
  readonly #byName = new Map<string, R>();

  get(name: string): R | undefined {
    return this.#byName.get(name);
  }

  all(): readonly R[] {
    return [...this.#byName.values()];
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** Runs `work` alone for its name. A run of that name that is still going on has lost its job: it must end first. */
  async alone<T>(name: string, jobId: string, extend: (run: Run) => R, work: (run: R) => Promise<T>): Promise<T> {
    for (let other = this.#byName.get(name); other; other = this.#byName.get(name)) {
      other.abort('lost');
      await other.ended;
    }
    const controller = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const abort = (why: WhyInterrupted) => controller.abort(new Interrupted(why));
    const run = extend({ jobId, signal: controller.signal, abort, ended });
    this.#byName.set(name, run);
    try {
      return await work(run);
    } finally {
      this.#byName.delete(name);
      end();
    }
  }

  /** Interrupts the runs of these jobs. */
  lost(jobIds: readonly string[]): void {
    for (const run of this.all()) if (jobIds.includes(run.jobId)) run.abort('lost');
  }

  /** Interrupts all runs and waits for them; gives up after `timeoutMs`. Returns whether all have ended. */
  async drain(timeoutMs: number): Promise<boolean> {
    const runs = this.all();
    for (const run of runs) run.abort('closing');
    return isDoneWithin(timeoutMs, Promise.all(runs.map((run) => run.ended)));
  }
}
