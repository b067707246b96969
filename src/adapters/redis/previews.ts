/** The queue `previews`: at most one run and one follow-up per key, however many triggers there are. */
import { randomUUID } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { RedisClient } from './client.ts';
import type { PreviewKey } from '../../domain/preview.ts';
import { keyId } from '../../domain/preview.ts';
import type { QueueLoad } from '../../telemetry.ts';
import type { Attempts } from './attempts.ts';
import { previewAttempts } from './attempts.ts';
import { openBullQueue } from './bull.ts';
import type { Keys } from './keys.ts';
import { loadOf } from './load.ts';
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
  /** Of a `later`: when it is due, it counts as if somebody told us then. */
  readonly tells?: boolean;
}

export class PreviewQueue {
  readonly attempts: Attempts;
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #queue: Queue<Look, void, PreviewJobName>;

  constructor(client: RedisClient, keys: Keys, options: QueueOptions) {
    this.attempts = previewAttempts(client, keys);
    this.#client = client;
    this.#keys = keys;
    this.#queue = openBullQueue(previewQueueName, client, options);
  }

  /** Somebody told us of the preview: a run starts as with `look`, and its back-off ends. `at`: when the event came, if one did. */
  async tell(key: PreviewKey, at?: number): Promise<void> {
    const id = keyId(key);
    const [clock] = await Promise.all([this.#clockOf(id), this.attempts.told(id, at)]);
    await this.look(key);
    // Only now, and just that one: the run may have failed already and set another. Left alone, it makes one run more.
    if (clock !== null) await this.#queue.remove(clock).catch(() => undefined);
  }

  /** A run starts now or, when one is going on, after it. Whoever runs the key now is told. Durable when it resolves. */
  async look(key: PreviewKey): Promise<void> {
    const id = keyId(key);
    // `replace` lets a look through that finds another one waiting for its retry.
    await this.#queue.add('look', { key }, { deduplication: { id, keepLastIfActive: true, replace: true } });
    // Only now: a run that ends because of the message relies on the job that follows. Nobody waits for the message,
    // which is a hint to a run whose follow-up is certain.
    void this.#client.publish(this.#keys.nudges, id).catch(() => undefined);
  }

  /** Sets the key's clock; it has one, and the newest setting wins. */
  async lookLater(look: Look, delayMs: number): Promise<void> {
    const id = clockId(keyId(look.key));
    await this.#queue.add('later', look, {
      // Numbers begin anew when Redis is emptied: whoever removes a clock by its number could then remove another job.
      jobId: `${id}-${randomUUID()}`,
      delay: Math.min(Math.max(Math.ceil(delayMs), 0), maxDelayMs),
      deduplication: { id, keepLastIfActive: true, replace: true },
    });
  }

  /** Whether the key's clock runs, so that a look will come by itself. */
  async looksLater(key: PreviewKey): Promise<boolean> {
    const clock = await this.#clockOf(keyId(key));
    if (clock === null) return false;
    const state = await this.#queue.getJobState(clock);
    return state === 'delayed' || state === 'waiting' || state === 'active';
  }

  load(): Promise<QueueLoad> {
    return loadOf(this.#queue);
  }

  #clockOf(id: string): Promise<string | null> {
    return this.#queue.getDeduplicationJobId(clockId(id));
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

function clockId(id: string): string {
  return `later-${id}`;
}
