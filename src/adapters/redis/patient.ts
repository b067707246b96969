/** Connections whose commands wait for Redis as long as it takes, as BullMQ's workers want them. */
import type { CommonRedisOptions } from 'ioredis';
import { Redis } from 'ioredis';

export type PatientOptions = Omit<CommonRedisOptions, 'replyMapping' | 'maxRetriesPerRequest'> & {
  readonly retryStrategy: (attempt: number) => number;
};

/**
 * A patient connection, and those that BullMQ duplicates from it to block on. `disconnect` ends them all for good:
 * BullMQ may be about to reconnect one when its worker is closed while Redis is away, and nothing else would end that.
 * Source: docs.bullmq.io/guide/going-to-production for the options.
 */
export class PatientRedis extends Redis {
  readonly #copies: Redis[] = [];
  readonly #life: { isOver: boolean };

  constructor(url: string, options: PatientOptions) {
    const life = { isOver: false };
    const retryStrategy = (attempt: number) => (life.isOver ? null : options.retryStrategy(attempt));
    super(url, { ...options, maxRetriesPerRequest: null, retryStrategy });
    this.#life = life;
    // Its troubles are those of the connection that fails at once, which are logged.
    this.on('error', () => undefined);
  }

  override duplicate(options?: Parameters<Redis['duplicate']>[0]): Redis {
    const copy = super.duplicate(options);
    copy.on('error', () => undefined);
    copy.on('connect', () => {
      if (this.#life.isOver) copy.disconnect();
    });
    this.#copies.push(copy);
    return copy;
  }

  override disconnect(reconnect = false): void {
    super.disconnect(reconnect);
    if (reconnect) return;
    this.#life.isOver = true;
    for (const copy of this.#copies) copy.disconnect();
  }
}
