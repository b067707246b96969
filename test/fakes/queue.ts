import { setImmediate } from 'node:timers/promises';
import { Nudges } from '../../src/adapters/redis/nudges.ts';
import { defaultQueueOptions, maxDelayMs, type QueueOptions, retryDelayMs } from '../../src/adapters/redis/options.ts';
import { DiagnosedError, RetryLaterError } from '../../src/domain/errors.ts';
import type { Diagnosis, PreviewKey } from '../../src/domain/preview.ts';
import { keyId, parseKeyId } from '../../src/domain/preview.ts';
import type { BuildJob, BuildState, Queue, QueueHandlers } from '../../src/ports.ts';
import type { FakeClock } from './clock.ts';

export interface FakeQueue extends Queue {
  /** Key ids in the order of their triggers, those of ended builds and due delays included. */
  readonly triggered: readonly string[];
  /** When each key's delayed trigger is due. */
  readonly delayed: ReadonlyMap<string, number>;
  /** Whether nothing is queued or running; what is delayed waits for the clock. */
  readonly isIdle: boolean;
  /** Whether nothing is delayed either. */
  readonly isEmpty: boolean;
  /** Resolves when it is idle. */
  idle(): Promise<void>;
  /** Redis comes back empty; what runs goes on. */
  clear(): void;
  /** The locks of the passes that run expire: each is given to another worker, and goes on beside it. */
  loseLocks(): void;
}

interface Task<Data> {
  data: Data;
  state: 'queued' | 'delayed' | 'active';
  /** What follows when the active one has ended. */
  next: { readonly data: Data; readonly delayMs: number } | undefined;
  controller: AbortController;
  readonly nudges: Nudges;
}

interface Look {
  readonly key: PreviewKey;
}

/** What is known of a preview between its looks; `told` is a number of its own each time. */
interface Attempts {
  told: number | undefined;
  failures: number;
  /** When the first event came that no run has taken yet. */
  since: number | undefined;
}

interface Build {
  readonly job: BuildJob;
  readonly failures: number;
}

interface Worker {
  readonly handlers: QueueHandlers;
  isClosing: boolean;
  readonly running: Set<Promise<void>>;
}

/** `Queue` in memory; time is the clock's. `work` may be called for several workers. */
export function fakeQueue(
  clock: FakeClock,
  options: Partial<Pick<QueueOptions, 'buildAttempts' | 'firstRetryMs' | 'firstBuildRetryMs'>> = {},
): FakeQueue {
  const { firstRetryMs, firstBuildRetryMs, buildAttempts, diagnosisTtlMs } = { ...defaultQueueOptions, ...options };
  const looks = new Map<string, Task<Look>>();
  const builds = new Map<string, Task<Build>>();
  const timers = new Map<string, { readonly dueAt: number; readonly cancel: () => void }>();
  const waiters = new Map<string, Set<string>>();
  const diagnoses = new Map<string, Diagnosis>();
  const troubles = new Map<string, string>();
  const workers = new Set<Worker>();
  const triggered: string[] = [];
  const attempts = new Map<string, Attempts>();
  let words = 0;

  const attemptsOf = (id: string): Attempts => {
    const known = attempts.get(id) ?? { told: undefined, failures: 0, since: undefined };
    attempts.set(id, known);
    return known;
  };

  const tell = (key: PreviewKey, at?: number) => {
    const id = keyId(key);
    attempts.set(id, { told: (words += 1), failures: 0, since: attempts.get(id)?.since ?? at });
    timers.get(id)?.cancel();
    timers.delete(id);
    look(key);
  };

  const look = (key: PreviewKey) => {
    const data = { key };
    const id = keyId(key);
    triggered.push(id);
    const task = looks.get(id);
    if (task?.state === 'active') {
      task.next = { data, delayMs: 0 };
      task.nudges.add();
    } else looks.set(id, newTask(data, 'queued'));
    void pump();
  };

  const lookLater = (key: PreviewKey, delayMs: number, whenDue: (key: PreviewKey) => void = look) => {
    const id = keyId(key);
    timers.get(id)?.cancel();
    const delay = Math.min(Math.max(delayMs, 0), maxDelayMs);
    const cancel = clock.after(delay, () => {
      timers.delete(id);
      whenDue(key);
    });
    timers.set(id, { dueAt: clock.now() + delay, cancel });
  };

  const addBuild = (data: Build, delayMs = 0) => {
    const { ref } = data.job;
    const task = builds.get(ref);
    if (task?.state === 'active') task.next = { data, delayMs };
    else if (task?.state !== 'queued') enqueueBuild(data, delayMs);
  };

  const enqueueBuild = (data: Build, delayMs: number) => {
    const task = newTask(data, delayMs > 0 ? 'delayed' : 'queued');
    builds.set(data.job.ref, task);
    if (delayMs > 0) {
      clock.after(Math.min(delayMs, maxDelayMs), () => {
        task.state = 'queued';
        void pump();
      });
    } else void pump();
  };

  // Starts what is queued, a turn later, as a queue outside the process would.
  const pump = async () => {
    await setImmediate();
    const worker = [...workers].find((candidate) => !candidate.isClosing);
    if (!worker) return;
    for (const task of looks.values()) if (task.state === 'queued') start(worker, task, runLook);
    for (const task of builds.values()) if (task.state === 'queued') start(worker, task, runBuild);
  };

  const start = <Data>(
    worker: Worker,
    task: Task<Data>,
    run: (worker: Worker, task: Task<Data>) => Promise<void>,
  ): void => {
    task.state = 'active';
    const running = run(worker, task).finally(() => worker.running.delete(running));
    worker.running.add(running);
  };

  const runLook = async (worker: Worker, task: Task<Look>) => {
    const { data, controller, nudges } = task;
    const { key } = data;
    const id = keyId(key);
    const onTrigger = (callback: () => void) => nudges.listen(callback);
    const { told, since } = attempts.get(id) ?? {};
    if (told !== undefined) attemptsOf(id).since = undefined;
    let failure: { readonly error: unknown } | undefined;
    try {
      const by = told === undefined ? 'sweep' : 'event';
      await worker.handlers.reconcile(key, { signal: controller.signal, by, since, onTrigger });
    } catch (error) {
      failure = { error };
    }
    if (controller.signal.aborted) {
      attemptsOf(id).told ??= told;
      attemptsOf(id).since ??= since;
      task.next = { data, delayMs: 0 };
    } else if (failure?.error instanceof RetryLaterError) lookLater(key, failure.error.retryAt - clock.now());
    else if (failure) {
      const failures = (attemptsOf(id).failures += 1);
      attemptsOf(id).since ??= since;
      lookLater(key, retryDelayMs(failures, firstRetryMs, 0));
    } else if (attempts.get(id)?.told === told) attempts.delete(id);
    // Otherwise it was given to somebody else meanwhile, or forgotten.
    if (looks.get(id) !== task) return;
    looks.delete(id);
    if (task.next) looks.set(id, newTask(task.next.data, 'queued'));
    void pump();
  };

  const runBuild = async (worker: Worker, task: Task<Build>) => {
    const { data, controller } = task;
    const { ref } = data.job;
    if (waitersOf(ref).size > 0) {
      try {
        await worker.handlers.build(data.job, controller.signal);
        settle(ref);
      } catch (error) {
        const failures = data.failures + 1;
        if (controller.signal.aborted) {
          if (waitersOf(ref).size > 0) task.next = { data, delayMs: 0 };
        } else if (error instanceof DiagnosedError) fail(ref, error.diagnosis);
        else if (error instanceof RetryLaterError) task.next = { data, delayMs: error.retryAt - clock.now() };
        else {
          task.next = { data: { ...data, failures }, delayMs: retryDelayMs(failures, firstBuildRetryMs, 0) };
          if (failures >= buildAttempts) {
            troubles.set(ref, (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '');
            for (const key of keysOf(waitersOf(ref))) look(key);
          }
        }
      }
    }
    if (builds.get(ref) !== task) return;
    builds.delete(ref);
    if (task.next) enqueueBuild(task.next.data, task.next.delayMs);
  };

  const waitersOf = (ref: string) => waiters.get(ref) ?? new Set<string>();

  const fail = (ref: string, diagnosis: Diagnosis) => {
    diagnoses.set(ref, diagnosis);
    clock.after(diagnosisTtlMs, () => {
      if (diagnoses.get(ref) === diagnosis) diagnoses.delete(ref);
    });
    settle(ref);
  };

  const settle = (ref: string) => {
    const keys = keysOf(waitersOf(ref));
    waiters.delete(ref);
    troubles.delete(ref);
    for (const key of keys) tell(key);
  };

  const refsOf = (id: string) => [...waiters].filter(([, ids]) => ids.has(id)).map(([ref]) => ref);

  const isBusy = () => [...looks.values(), ...builds.values()].some((task) => task.state !== 'delayed');

  return {
    triggered,

    get delayed() {
      return new Map([...timers].map(([id, timer]) => [id, timer.dueAt]));
    },

    async trigger(key, { delayMs = 0, by = 'event' } = {}) {
      if (by === 'sweep' && timers.has(keyId(key))) return;
      if (delayMs > 0) lookLater(key, delayMs, by === 'event' ? tell : look);
      else if (by === 'event') tell(key, clock.now());
      else look(key);
    },

    async startBuilds(key, jobs) {
      for (const job of jobs) {
        waiters.set(job.ref, waitersOf(job.ref).add(keyId(key)));
        diagnoses.delete(job.ref);
        addBuild({ job, failures: 0 });
      }
    },

    async cancelBuilds(key, keep) {
      for (const ref of refsOf(keyId(key)).filter((candidate) => !keep.includes(candidate))) {
        const ids = waitersOf(ref);
        ids.delete(keyId(key));
        if (ids.size > 0) continue;
        waiters.delete(ref);
        builds.get(ref)?.controller.abort(new Error('nobody waits for this build'));
      }
    },

    waitingFor: async (key) => refsOf(keyId(key)),

    async builds(refs) {
      const states = new Map<string, BuildState>();
      for (const ref of refs) {
        const diagnosis = diagnoses.get(ref);
        if (diagnosis) states.set(ref, { state: 'failed', diagnosis });
        else if (builds.has(ref) && waitersOf(ref).size > 0) {
          const trouble = troubles.get(ref);
          states.set(ref, { state: 'building', ...(trouble !== undefined && { trouble }) });
        }
      }
      return states;
    },

    async work(handlers) {
      const worker: Worker = { handlers, isClosing: false, running: new Set() };
      workers.add(worker);
      void pump();
      return {
        async close() {
          worker.isClosing = true;
          const tasks = [...looks.values(), ...builds.values()].filter((task) => task.state === 'active');
          // One worker is the rule; with several, the others' tasks are handed back as well, which loses nothing.
          for (const task of tasks) task.controller.abort(new Error('shutting down'));
          await Promise.all(worker.running);
          workers.delete(worker);
          void pump();
        },
      };
    },

    get isEmpty() {
      return looks.size === 0 && builds.size === 0 && timers.size === 0;
    },

    get isIdle() {
      return !isBusy();
    },

    async idle() {
      do await setImmediate();
      while (isBusy());
    },

    clear() {
      for (const { cancel } of timers.values()) cancel();
      for (const map of [looks, builds, timers, waiters, diagnoses, troubles, attempts]) map.clear();
    },

    loseLocks() {
      for (const [id, { state, data }] of looks) if (state === 'active') looks.set(id, newTask(data, 'queued'));
      void pump();
    },
  };
}

function newTask<Data>(data: Data, state: 'queued' | 'delayed'): Task<Data> {
  return { data, state, next: undefined, controller: new AbortController(), nudges: new Nudges() };
}

function keysOf(keyIds: ReadonlySet<string>): readonly PreviewKey[] {
  return [...keyIds].map(parseKeyId).filter((key) => key !== undefined);
}
