/** Connections to Redis: one that fails at once for those who wait for an answer, patient ones for workers. */
import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { PatientRedis } from './patient.ts';
import { checkServer } from './server-check.ts';

export interface RedisConnection {
  /**
   * For commands that somebody waits for. Rejects at once when Redis is away and after `commandTimeoutMs` when it
   * hangs, reconnects by itself.
   */
  readonly client: Redis;
  /** A new connection whose commands wait for Redis as long as it takes; the caller disconnects it. */
  patient(): Redis;
  /** Resolves when Redis answers. @throws when it is away. */
  ping(): Promise<void>;
  /** Never hangs, whatever state Redis is in. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** `redis://[[user]:password@]host:port[/db]`, `rediss://…` for TLS. */
  readonly url: string;
  readonly commandTimeoutMs?: number;
  /** How long to wait for Redis at start. */
  readonly startTimeoutMs?: number;
}

const reconnectAfterMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000);

// A failover takes seconds, and meanwhile every command that fails would reconnect.
const failoverRetryMs = 2_000;

function sharedOptions() {
  let reconnectedAt = -Infinity;
  return {
    retryStrategy: reconnectAfterMs,
    // After a failover the old primary answers READONLY: find the new one, and send the command again. The first word
    // of an error reply is Redis' error code.
    reconnectOnError(error) {
      if (!error.message.startsWith('READONLY ') || performance.now() - reconnectedAt < failoverRetryMs) return false;
      reconnectedAt = performance.now();
      return 2;
    },
    connectTimeout: 5_000,
  } satisfies RedisOptions;
}

/**
 * Connects and makes sure that this Redis is fit for queues.
 * @throws when it does not answer in time, is too old, or may evict keys.
 */
export async function connectRedis(options: ConnectionOptions, log: Logger): Promise<RedisConnection> {
  const client = new Redis(options.url, {
    ...sharedOptions(),
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: options.commandTimeoutMs ?? 3_000,
  });
  logChanges(client, log);
  try {
    await ready(client, options.startTimeoutMs ?? 10_000);
    checkServer(await client.info());
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return {
    client,
    patient: () => new PatientRedis(options.url, sharedOptions()),
    async ping() {
      await client.ping();
    },
    async close() {
      client.disconnect();
    },
  };
}

async function ready(client: Redis, timeoutMs: number): Promise<void> {
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
function logChanges(client: Redis, log: Logger): void {
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
