/** The queue `builds`: one job per reference, and a follow-up when it is asked for again meanwhile. */
import type { Queue } from 'bullmq';
import type { RedisClient } from './client.ts';
import type { BuildJob } from '../../ports.ts';
import type { QueueLoad } from '../../telemetry.ts';
import { openBullQueue } from './bull.ts';
import { buildId } from './keys.ts';
import { loadOf } from './load.ts';
import type { QueueOptions } from './options.ts';
import { maxDelayMs } from './options.ts';

export const buildQueueName = 'builds';

export interface BuildRequest {
  readonly job: BuildJob;
  /** Outages in a row so far that kept it from being built. */
  readonly failures: number;
}

export class BuildQueue {
  readonly #queue: Queue<BuildRequest, void, 'build'>;

  constructor(client: RedisClient, options: QueueOptions) {
    this.#queue = openBullQueue(buildQueueName, client, options);
  }

  /**
   * Queues a build. One that is queued already is left alone, one that waits for its next try is tried when this says; one
   * that is running gets a follow-up, which finds nobody waiting unless the running one was interrupted.
   */
  async add(request: BuildRequest, delayMs = 0): Promise<void> {
    await this.#queue.add('build', request, {
      delay: Math.min(Math.max(Math.ceil(delayMs), 0), maxDelayMs),
      deduplication: { id: buildId(request.job.ref), keepLastIfActive: true, replace: true },
    });
  }

  /** Whether a job for the reference is queued, running or waiting for its retry. */
  async has(ref: string): Promise<boolean> {
    return (await this.#queue.getDeduplicationJobId(buildId(ref))) !== null;
  }

  load(): Promise<QueueLoad> {
    return loadOf(this.#queue);
  }

  /** The cap is forgotten with everything else when Redis is emptied. */
  async capTotal(builds: number): Promise<void> {
    await this.#queue.setGlobalConcurrency(builds);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}
