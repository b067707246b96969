import { once } from 'node:events';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { BuildJob, QueueHandlers, TriggeredBy } from '../../src/ports.ts';

/** One call of a handler, which goes on until the test ends it or its signal is aborted. */
interface Call {
  /** The reason of the abort; resolves only then. */
  readonly aborted: Promise<unknown>;
  finish(): void;
  fail(error: unknown): void;
}

interface Run extends Call {
  readonly key: PreviewKey;
  readonly by: TriggeredBy;
  readonly since: number | undefined;
  /** Resolves when the key has been triggered during the run. */
  readonly triggered: Promise<void>;
}

interface Build extends Call {
  readonly job: BuildJob;
}

/** Handlers whose every call is in the test's hands. */
export interface Probe {
  readonly handlers: QueueHandlers;
  /** All runs and builds that have started, those still going on included. */
  readonly started: { readonly runs: number; readonly builds: number };
  /** The next run that the test has not taken yet, as soon as it starts. */
  run(): Promise<Run>;
  build(): Promise<Build>;
  /** Runs that have not been taken yet end by themselves, now and later. */
  finishRuns(): void;
  finishBuilds(): void;
}

export function probe(): Probe {
  const runs = inbox<Run>();
  const builds = inbox<Build>();
  return {
    started: {
      get runs() {
        return runs.count();
      },
      get builds() {
        return builds.count();
      },
    },
    run: runs.next,
    build: builds.next,
    finishRuns: () => runs.each((run) => run.finish()),
    finishBuilds: () => builds.each((build) => build.finish()),
    handlers: {
      async reconcile(key, { signal, by, since, onTrigger }) {
        const { promise: triggered, resolve } = Promise.withResolvers<void>();
        onTrigger(resolve);
        const { call, end } = callWith(signal);
        runs.put({ ...call, key, by, since, triggered });
        await end;
      },
      async build(job, signal) {
        const { call, end } = callWith(signal);
        builds.put({ ...call, job });
        await end;
      },
    },
  };
}

function callWith(signal: AbortSignal): { readonly call: Call; readonly end: Promise<void> } {
  const { promise: end, resolve, reject } = Promise.withResolvers<void>();
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  const reason = aborted.then(() => {
    reject(signal.reason);
    return signal.reason as unknown;
  });
  return { call: { aborted: reason, finish: resolve, fail: reject }, end };
}

function inbox<T>() {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  let count = 0;
  let treat: ((item: T) => void) | undefined;
  return {
    count: () => count,
    put(item: T): void {
      count += 1;
      treat?.(item);
      const taker = takers.shift();
      if (taker) taker(item);
      else items.push(item);
    },
    next(): Promise<T> {
      const item = items.shift();
      return item ? Promise.resolve(item) : new Promise((resolve) => takers.push(resolve));
    },
    each(callback: (item: T) => void): void {
      for (const item of items) callback(item);
      treat = callback;
    },
  };
}
