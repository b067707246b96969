/** Connections to Redis: one that fails at once for those who wait for an answer, patient ones for workers. */
import { Cluster } from 'ioredis';
import type { Logger } from 'pino';
import { type RedisAccess, redisClient, type RedisClient } from './client.ts';
import { defaultPrefix } from './keys.ts';
import { patientClient } from './patient.ts';
import { checkServer } from './server-check.ts';

export interface RedisConnection {
  /**
   * For commands that somebody waits for. Rejects at once when Redis is away and after `commandTimeoutMs` when it
   * hangs, reconnects by itself.
   */
  readonly client: RedisClient;
  /** A new connection whose commands wait for Redis as long as it takes; the caller disconnects it. */
  patient(): RedisClient;
  /** Resolves when Redis answers. @throws when it is away. */
  ping(): Promise<void>;
  /** Never hangs, whatever state Redis is in. */
  close(): Promise<void>;
}

export interface ConnectionOptions extends RedisAccess {
  /** Of all keys; in a Cluster it decides on the node that has them. */
  readonly prefix?: string;
  readonly commandTimeoutMs?: number;
  /** How long to wait for Redis at start. */
  readonly startTimeoutMs?: number;
}

const reconnectAfterMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000);

/**
 * Connects and makes sure that this Redis is fit for queues.
 * @throws when it does not answer in time, is too old, or may evict keys.
 */
export async function connectRedis(options: ConnectionOptions, log: Logger): Promise<RedisConnection> {
  const { prefix = defaultPrefix, commandTimeoutMs = 3_000 } = options;
  const client = redisClient(options, { isPatient: false, retryAfterMs: reconnectAfterMs, commandTimeoutMs });
  logChanges(client, log);
  try {
    await ready(client, options.startTimeoutMs ?? 10_000);
    for (const server of client instanceof Cluster ? client.nodes('master') : [client])
      checkServer(await server.info());
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return {
    client,
    patient: () => patientClient(options, reconnectAfterMs),
    async ping() {
      // In a Cluster only the server of our keys counts.
      await client.exists(prefix);
    },
    async close() {
      client.disconnect();
    },
  };
}

async function ready(client: RedisClient, timeoutMs: number): Promise<void> {
  let lastError: unknown;
  const note = (error: unknown) => {
    lastError = error;
  };
  client.on('error', note);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      timeout.addEventListener('abort', () => reject(timeout.reason));
      // Rejects when the first attempt fails; the next ones go on in the background.
      client.connect().catch(note);
    });
  } catch {
    throw new Error(`connecting to Redis: no answer within ${timeoutMs} ms`, { cause: lastError });
  } finally {
    client.off('error', note);
  }
}

/** Once per change: a Redis that is away would fill the log otherwise. */
function logChanges(client: RedisClient, log: Logger): void {
  let isReady = false;
  client.on('error', (err: Error) => log.debug({ err }, 'redis connection error'));
  client.on('ready', () => {
    isReady = true;
    log.info('redis connected');
  });
  client.on('close', () => {
    if (isReady) log.warn('redis connection lost');
    isReady = false;
  });
}
