/** The port `Queue` on BullMQ. */
import type { RedisClient } from './client.ts';
import type { Logger } from 'pino';
import { keyId } from '../../domain/preview.ts';
import type { BuildState, Queue } from '../../ports.ts';
import type { QueueLoad } from '../../telemetry.ts';
import { BuildQueue } from './builds.ts';
import type { RedisConnection } from './connection.ts';
import type { BuildInterest } from './interest.ts';
import { buildInterest } from './interest.ts';
import { keysWith } from './keys.ts';
import type { QueueOptions } from './options.ts';
import { defaultQueueOptions } from './options.ts';
import { PreviewQueue } from './previews.ts';
import { startWorkers } from './workers.ts';

export interface RedisQueue extends Queue {
  /** How much there is in each queue. */
  load(): Promise<readonly QueueLoad[]>;
  /** Ends what `openQueue` began; workers are closed by their own `close`, and the connection by its owner. */
  close(): Promise<void>;
}

/** What the queue is made of, on one connection. */
export interface QueueParts {
  readonly previews: PreviewQueue;
  readonly builds: BuildQueue;
  readonly interest: BuildInterest;
}

/** Any number of processes may open the same queue; it lives in Redis under `settings.prefix`. */
export function openQueue(redis: RedisConnection, settings: Partial<QueueOptions>, log: Logger): RedisQueue {
  const options: QueueOptions = { ...defaultQueueOptions, ...settings };
  const keys = keysWith(options.prefix);
  const partsOn = (client: RedisClient): QueueParts => ({
    previews: new PreviewQueue(client, keys, options),
    builds: new BuildQueue(client, options),
    interest: buildInterest(client, keys),
  });
  const { previews, builds, interest } = partsOn(redis.client);

  const buildState = async (ref: string): Promise<BuildState | undefined> => {
    const [diagnosis, trouble, waiters, isQueued] = await Promise.all([
      interest.diagnosis(ref),
      interest.trouble(ref),
      interest.waiters(ref),
      builds.has(ref),
    ]);
    if (diagnosis) return { state: 'failed', diagnosis };
    // A job that nobody waits for is on its way out.
    if (!isQueued || waiters.length === 0) return undefined;
    return { state: 'building', ...(trouble !== undefined && { trouble }) };
  };

  return {
    async trigger(key, { delayMs = 0, by = 'event' } = {}) {
      // Whoever waits for the next try is not lost, and must not be tried with every sweep.
      if (by === 'sweep' && (await previews.looksLater(key))) return;
      if (delayMs > 0) await previews.lookLater({ key, tells: by === 'event' }, delayMs);
      else if (by === 'sweep') await previews.look(key);
      else await previews.tell(key, Date.now());
    },

    async startBuilds(key, jobs) {
      // Waiters first: a job that finds none does nothing.
      await interest.join(
        keyId(key),
        jobs.map((job) => job.ref),
      );
      await Promise.all(jobs.map((job) => builds.add({ job, failures: 0 })));
    },

    async cancelBuilds(key, keep) {
      const unwanted = await interest.leave(keyId(key), keep);
      await Promise.all(unwanted.map((ref) => redis.client.publish(keys.cancellations, ref)));
    },

    waitingFor: (key) => interest.waitingFor(keyId(key)),

    async builds(refs) {
      const states = await Promise.all(refs.map(async (ref) => [ref, await buildState(ref)] as const));
      return new Map(states.flatMap(([ref, state]) => (state ? [[ref, state] as const] : [])));
    },

    async work(handlers) {
      // What workers have to say is not lost because Redis is away for a moment.
      const client = redis.patient();
      const parts = partsOn(client);
      const workers = await startWorkers(handlers, { ...parts, client, redis, keys, options, log });
      const close = async () => {
        await workers.close();
        client.disconnect();
      };
      let closing: Promise<void> | undefined;
      return { close: () => (closing ??= close()) };
    },

    load: () => Promise.all([previews.load(), builds.load()]),

    async close() {
      await Promise.all([previews.close(), builds.close()]);
    },
  };
}
