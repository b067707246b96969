/** What a process that takes work runs: a worker for each queue, and an ear for what other processes say. */
import type { RedisClient } from './client.ts';
import type { Logger } from 'pino';
import type { QueueHandlers, QueueWorkers } from '../../ports.ts';
import { BuildWorker } from './build-worker.ts';
import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import type { QueueOptions } from './options.ts';
import { PreviewWorker } from './preview-worker.ts';
import type { QueueParts } from './queue.ts';
import { subscribe } from './subscription.ts';

export interface WorkerParts extends QueueParts {
  /** Patient; the parts use it as well. */
  readonly client: RedisClient;
  readonly redis: RedisConnection;
  readonly keys: Keys;
  readonly options: QueueOptions;
  readonly log: Logger;
}

/** Resolves when jobs are being taken. */
export async function startWorkers(handlers: QueueHandlers, parts: WorkerParts): Promise<QueueWorkers> {
  const { client, redis, builds, keys, options, log } = parts;
  const previewWorker = new PreviewWorker(parts.previews, handlers.reconcile, options, log);
  const buildWorker = new BuildWorker(parts, handlers.build);
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
  await Promise.all([previewWorker.start(client), buildWorker.start(client)]);
  return {
    async close() {
      await Promise.all([previewWorker.close(), buildWorker.close()]);
      subscription.close();
    },
  };
}
