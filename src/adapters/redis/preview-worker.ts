/** Takes jobs from the queue `previews` and runs the handler, once at a time for each key. */
import type { Job } from 'bullmq';
import type { RedisClient } from './client.ts';
import type { Logger } from 'pino';
import { FencedError, RetryLaterError } from '../../domain/errors.ts';
import type { PreviewKey } from '../../domain/preview.ts';
import { keyId, parseKeyId } from '../../domain/preview.ts';
import type { QueueHandlers } from '../../ports.ts';
import type { Told } from './attempts.ts';
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
const quietRetryMs = 1_000;

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
  async start(client: RedisClient): Promise<void> {
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
    await Promise.all(keys.map((key) => this.#queue.look(key)));
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
        if (job.data.tells) await this.#queue.attempts.told(keyId(job.data.key));
        return this.#queue.look(job.data.key);
      case 'look':
        return this.#runs.alone(keyId(job.data.key), job.id ?? '', withNudges, (run) => this.#look(job.data.key, run));
    }
  }

  async #look(key: PreviewKey, run: PreviewRun): Promise<void> {
    const { attempts } = this.#queue;
    const preview = keyId(key);
    const told = await attempts.take(preview);
    const failure = await this.#attempt(key, told, run);
    // Fetched while closing, or interrupted: whoever works next starts over. While this job is active, the new one
    // waits for its end.
    if (this.#isClosing || run.signal.aborted) {
      if (told.word !== undefined) await attempts.stands(preview, told);
      return this.#queue.look(key);
    }
    if (failure) await this.#lookAgain(key, failure.error, told.since);
    else await attempts.succeeded(preview, told.word);
  }

  async #attempt(
    key: PreviewKey,
    { word, since }: Told,
    { signal, nudges }: PreviewRun,
  ): Promise<{ readonly error: unknown } | undefined> {
    if (this.#isClosing) return undefined;
    const by = word === undefined ? 'sweep' : 'event';
    try {
      await this.#reconcile(key, { signal, by, since, onTrigger: (callback) => nudges.listen(callback) });
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  async #lookAgain(key: PreviewKey, error: unknown, since: number | undefined): Promise<void> {
    const preview = keyId(key);
    if (error instanceof RetryLaterError) {
      const delayMs = error.retryAt - Date.now();
      this.#log.info({ preview, reason: error.message, retryInMs: delayMs }, 'preview postponed');
      return this.#queue.lookLater({ key }, delayMs);
    }
    if (error instanceof FencedError) {
      this.#log.info({ preview }, 'preview taken over by another worker');
      return this.#queue.lookLater({ key }, fencedRetryMs);
    }
    const failures = await this.#queue.attempts.failed(preview, since);
    const delayMs = Math.round(retryDelayMs(failures, this.#options.firstRetryMs, Math.random()));
    // Between the first failure and those that are seconds apart, there is nothing new to say.
    const level = failures === 1 || delayMs >= quietRetryMs ? 'warn' : 'debug';
    this.#log[level]({ err: error, preview, failures, retryInMs: delayMs }, 'preview failed, will be tried again');
    return this.#queue.lookLater({ key }, delayMs);
  }
}
