/** BullMQ as Berth uses it: how its queues and workers are opened and closed. */
import type { JobsOptions, Processor } from 'bullmq';
import { Queue, Worker } from 'bullmq';
import type { RedisClient } from './client.ts';
import type { Logger } from 'pino';
import { isDoneWithin } from './done-within.ts';
import type { QueueOptions } from './options.ts';
import { troubleLog } from './troubles.ts';

// Failures of handlers never reach BullMQ. What does is Redis itself in trouble, and is tried for as long as it takes.
const jobOptions: JobsOptions = {
  attempts: 1_000_000,
  backoff: { type: 'fixed', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: { count: 100 },
};

export function openBullQueue<Data, Name extends string>(
  name: string,
  client: RedisClient,
  options: QueueOptions,
): Queue<Data, void, Name, Data, void, Name> {
  const queue = new Queue<Data, void, Name, Data, void, Name>(name, {
    connection: client,
    prefix: options.prefix,
    defaultJobOptions: jobOptions,
    // The connection has been checked. BullMQ would ask once more, and never recover if Redis were away just then.
    skipVersionCheck: true,
    // Nobody reads the stream of events.
    streams: { events: { maxLen: 100 } },
  });
  // Commands reject by themselves; troubles of the connection are logged by the connection.
  queue.on('error', () => undefined);
  return queue;
}

export interface BullWorker {
  /** Takes no more jobs. What was fetched already still arrives. */
  pause(): Promise<void>;
  /** Ends within seconds. `force` leaves running jobs to whoever finds their locks expired. */
  close(options: { readonly force: boolean }): Promise<void>;
}

/** A worker that can be left in the middle of its close. */
class BullMqWorker<Data, Name extends string> extends Worker<Data, void, Name> {
  /** Ends the renewal of locks, which goes on for ever where `close` never ends. */
  async leave(): Promise<void> {
    await this.lockManager.close();
  }
}

export interface BullWorkerSettings {
  readonly concurrency: number;
  readonly options: QueueOptions;
  readonly log: Logger;
}

// BullMQ's own close has no bound.
const closeTimeoutMs = 5_000;
const pingTimeoutMs = 1_000;

/**
 * Starts a worker; resolves when it takes jobs. `onLost` receives the ids of jobs that are not ours any more.
 * @param client a patient connection, which stays open; the worker has another one of its own to wait with.
 */
export async function openBullWorker<Data, Name extends string>(
  name: string,
  client: RedisClient,
  settings: BullWorkerSettings,
  process: Processor<Data, void, Name>,
  onLost: (jobIds: string[]) => void,
): Promise<BullWorker> {
  const { concurrency, options, log } = settings;
  const worker = new BullMqWorker<Data, Name>(name, process, {
    connection: client,
    prefix: options.prefix,
    concurrency,
    lockDuration: options.lockMs,
    stalledInterval: options.lockCheckMs,
    // No number of crashes may make a preview fail for ever.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    // Seconds until a worker notices what its neighbours left over, e.g. below the global cap on builds.
    drainDelay: 2,
    // How soon it asks again when Redis was away.
    runRetryDelay: 1_000,
  });
  const tell = troubleLog(log.child({ queue: name }), 'queue error');
  worker.on('error', (error) => {
    // Otherwise the connection tells.
    if (client.status === 'ready') tell(error);
  });
  worker.on('lockRenewalFailed', onLost);
  await worker.waitUntilReady();
  return {
    pause: () => worker.pause(true),
    async close({ force }) {
      // Without Redis there is nobody to hand anything back to, and BullMQ would wait for it. The state of the connection
      // does not tell: it may be about to break.
      const isRedisThere = await isDoneWithin(pingTimeoutMs, client.ping());
      const closing = worker.close(force || !isRedisThere);
      if (await isDoneWithin(closeTimeoutMs, closing)) return;
      // Seen with a Cluster that had just lost a server, when the machine was busy.
      log.warn({ queue: name }, 'queue worker did not close');
      await worker.leave();
    },
  };
}
