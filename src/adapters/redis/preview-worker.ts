/** Takes jobs from the queue `previews` and runs the handler, once at a time for each key. */
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { FencedError, RetryLaterError } from '../../domain/errors.ts';
import { keyId, parseKeyId } from '../../domain/preview.ts';
import type { QueueHandlers } from '../../ports.ts';
import type { BullWorker } from './bull.ts';
import { openBullWorker } from './bull.ts';
import { Nudges } from './nudges.ts';
import type { QueueOptions } from './options.ts';
import { retryDelayMs } from './options.ts';
import type { Look, PreviewJobName, PreviewQueue } from './previews.ts';
import { previewQueueName } from './previews.ts';
import type { Run } from './run.ts';
import { Runs } from './run.ts';

interface PreviewRun extends Run {
  readonly nudges: Nudges;
}

// Who lost to another worker looks again when that one is likely to have made progress.
const fencedRetryMs = 1_000;

const withNudges = (run: Run): PreviewRun => ({ ...run, nudges: new Nudges() });

export class PreviewWorker {
  readonly #queue: PreviewQueue;
  readonly #reconcile: QueueHandlers['reconcile'];
  readonly #options: QueueOptions;
  readonly #log: Logger;
  readonly #runs = new Runs<PreviewRun>();
  #bull: BullWorker | undefined;
  #isClosing = false;

  constructor(queue: PreviewQueue, reconcile: QueueHandlers['reconcile'], options: QueueOptions, log: Logger) {
    this.#queue = queue;
    this.#reconcile = reconcile;
    this.#options = options;
    this.#log = log;
  }

  /** Resolves when jobs are being taken. */
  async start(client: Redis): Promise<void> {
    this.#bull = await openBullWorker<Look, PreviewJobName>(
      previewQueueName,
      client,
      { concurrency: this.#options.previewConcurrency, options: this.#options, log: this.#log },
      (job) => this.#process(job),
      (jobIds) => this.#runs.lost(jobIds),
    );
  }

  /** The key was triggered somewhere. */
  nudge(id: string): void {
    this.#runs.get(id)?.nudges.add();
  }

  /** Triggers may have been missed: whatever runs is looked at again. */
  async lookAtRunning(): Promise<void> {
    const keys = this.#runs
      .names()
      .map(parseKeyId)
      .filter((key) => key !== undefined);
    await Promise.all(keys.map((key) => this.#queue.look({ key, failures: 0 })));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#bull?.pause();
    const isDrained = await this.#runs.drain(this.#options.closeTimeoutMs);
    await this.#bull?.close({ force: !isDrained });
  }

  async #process(job: Job<Look, void, PreviewJobName>): Promise<void> {
    switch (job.name) {
      case 'later':
        return this.#queue.look(job.data);
      case 'look':
        return this.#runs.alone(keyId(job.data.key), job.id ?? '', withNudges, (run) => this.#look(job.data, run));
    }
  }

  async #look(look: Look, run: PreviewRun): Promise<void> {
    const failure = await this.#attempt(look, run);
    // Fetched while closing, or interrupted: whoever works next starts over. While this job is active, the new one
    // waits for its end.
    if (this.#isClosing || run.signal.aborted) return this.#queue.look(look);
    if (failure) await this.#lookAgain(look, failure.error);
  }

  async #attempt(look: Look, run: PreviewRun): Promise<{ readonly error: unknown } | undefined> {
    if (this.#isClosing) return undefined;
    const { signal, nudges } = run;
    try {
      await this.#reconcile(look.key, { signal, onTrigger: (callback) => nudges.listen(callback) });
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  async #lookAgain(look: Look, error: unknown): Promise<void> {
    const preview = keyId(look.key);
    if (error instanceof RetryLaterError) {
      const delayMs = error.retryAt - Date.now();
      this.#log.info({ preview, reason: error.message, retryInMs: delayMs }, 'preview postponed');
      return this.#queue.lookLater(look, delayMs);
    }
    if (error instanceof FencedError) {
      this.#log.info({ preview }, 'preview taken over by another worker');
      return this.#queue.lookLater(look, fencedRetryMs);
    }
    const failures = look.failures + 1;
    const delayMs = retryDelayMs(failures, this.#options.firstRetryMs);
    this.#log.warn({ err: error, preview, failures, retryInMs: delayMs }, 'preview failed, will be tried again');
    return this.#queue.lookLater({ ...look, failures }, delayMs);
  }
}
