/** The port `Queue` on BullMQ. */
import type { Logger } from 'pino';
import { keyId } from '../../domain/preview.ts';
import type { BuildState, Queue } from '../../ports.ts';
import { BuildWorker } from './build-worker.ts';
import { BuildQueue } from './builds.ts';
import type { RedisConnection } from './connection.ts';
import { buildInterest } from './interest.ts';
import { keysWith } from './keys.ts';
import type { QueueOptions } from './options.ts';
import { defaultQueueOptions } from './options.ts';
import { PreviewWorker } from './preview-worker.ts';
import { PreviewQueue } from './previews.ts';
import { subscribe } from './subscription.ts';

export interface RedisQueue extends Queue {
  /** Ends what `openQueue` began; workers are closed by their own `close`, and the connection by its owner. */
  close(): Promise<void>;
}

/** Any number of processes may open the same queue; it lives in Redis under `options.prefix`. */
export function openQueue(redis: RedisConnection, settings: Partial<QueueOptions>, log: Logger): RedisQueue {
  const options: QueueOptions = { ...defaultQueueOptions, ...settings };
  const keys = keysWith(options.prefix);
  const previews = new PreviewQueue(redis, keys, options);
  const builds = new BuildQueue(redis, options);
  const interest = buildInterest(redis.client, keys);

  const buildState = async (ref: string): Promise<BuildState | undefined> => {
    const [diagnosis, waiters, isQueued] = await Promise.all([
      interest.diagnosis(ref),
      interest.waiters(ref),
      builds.has(ref),
    ]);
    if (diagnosis) return { state: 'failed', diagnosis };
    // A job that nobody waits for is on its way out.
    return isQueued && waiters.length > 0 ? { state: 'building' } : undefined;
  };

  return {
    async trigger(key, { delayMs = 0 } = {}) {
      if (delayMs > 0) await previews.lookLater({ key, failures: 0 }, delayMs);
      else await previews.look({ key, failures: 0 });
    },

    async startBuilds(key, jobs) {
      // Waiters first: a job that finds none does nothing.
      const refs = jobs.map((job) => job.ref);
      await interest.join(keyId(key), refs);
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
      const previewWorker = new PreviewWorker(previews, handlers.reconcile, options, log);
      const buildWorker = new BuildWorker({ builds, interest, previews, options, log }, handlers.build);
      const inBackground = (work: Promise<void>) =>
        void work.catch((err: unknown) => log.warn({ err }, 'catching up with the queue failed'));
      const subscription = await subscribe(
        redis,
        {
          [keys.nudges]: (id) => previewWorker.nudge(id),
          [keys.cancellations]: (ref) => inBackground(buildWorker.cancel(ref)),
        },
        () => {
          inBackground(previewWorker.lookAtRunning());
          inBackground(buildWorker.cancelUnwanted());
          inBackground(builds.capTotal(options.totalBuilds));
        },
      );
      await Promise.all([previewWorker.start(redis), buildWorker.start(redis)]);
      return {
        async close() {
          await Promise.all([previewWorker.close(), buildWorker.close()]);
          subscription.close();
        },
      };
    },

    async close() {
      await Promise.all([previews.close(), builds.close()]);
    },
  };
}
