/** The queue `previews`: at most one run and one follow-up per key, however many triggers there are. */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { PreviewKey } from '../../domain/preview.ts';
import { keyId } from '../../domain/preview.ts';
import { openBullQueue } from './bull.ts';
import type { Keys } from './keys.ts';
import { maxDelayMs, type QueueOptions } from './options.ts';

export const previewQueueName = 'previews';

/**
 * Two kinds of jobs. `look` runs the handler. `later` is only a clock: when it is due, it becomes a `look`. Were delayed
 * looks of the same kind as others, a delayed trigger that comes during a run would take the place of an immediate one
 * in BullMQ's single slot for the follow-up. For the same reason a failed run ends its job and sets the clock: in
 * BullMQ's own back-off it would hold the follow-up back.
 */
export type PreviewJobName = 'look' | 'later';

export interface Look {
  readonly key: PreviewKey;
  /** Failed runs in a row so far. */
  readonly failures: number;
}

export class PreviewQueue {
  readonly #client: Redis;
  readonly #keys: Keys;
  readonly #queue: Queue<Look, void, PreviewJobName>;

  constructor(client: Redis, keys: Keys, options: QueueOptions) {
    this.#client = client;
    this.#keys = keys;
    this.#queue = openBullQueue(previewQueueName, client, options);
  }

  /** A run starts now or, when one is going on, after it. Whoever runs the key now is told. Durable when it resolves. */
  async look(look: Look): Promise<void> {
    const id = keyId(look.key);
    // `replace` lets a look through that finds another one waiting for its retry.
    await this.#queue.add('look', look, { deduplication: { id, keepLastIfActive: true, replace: true } });
    // Only now: a run that ends because of the message relies on the job that follows. Nobody waits for the message,
    // which is a hint to a run whose follow-up is certain.
    void this.#client.publish(this.#keys.nudges, id).catch(() => undefined);
  }

  /** Sets the key's clock; it has one, and the newest setting wins. */
  async lookLater(look: Look, delayMs: number): Promise<void> {
    await this.#queue.add('later', look, {
      delay: Math.min(Math.max(delayMs, 0), maxDelayMs),
      deduplication: { id: `later-${keyId(look.key)}`, keepLastIfActive: true, replace: true },
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}
