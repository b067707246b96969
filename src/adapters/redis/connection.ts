/** Connections to Redis: one that fails at once for those who wait for an answer, patient ones for workers. */
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import type { Logger } from 'pino';
import { type RedisAccess, redisClient, type RedisClient } from './client.ts';
import { defaultPrefix } from './keys.ts';
import { patientClient } from './patient.ts';
import { checkServer } from './server-check.ts';
import { troubleLog } from './troubles.ts';

export interface RedisConnection {
  /**
   * For commands that somebody waits for. Rejects at once when Redis is away and after `commandTimeoutMs` when it
   * hangs, reconnects by itself.
   */
  readonly client: RedisClient;
  /** A new connection whose commands wait for Redis as long as it takes; the caller disconnects it. */
  patient(): RedisClient;
  /**
   * Resolves when Redis is there and fit for queues, however long that takes; the log says now and then what it waits for.
   * @param onWait told what it waits for, with each failed attempt.
   * @throws UnfitServerError when Redis is too old or may evict keys; the signal's reason.
   */
  fit(signal: AbortSignal, onWait?: (reason: Error) => void): Promise<void>;
  /** Resolves when Redis answers. @throws when it is away. */
  ping(): Promise<void>;
  /** Never hangs, whatever state Redis is in. */
  close(): Promise<void>;
}

export interface ConnectionOptions extends RedisAccess {
  /** Of all keys; in a Cluster it decides on the node that has them. */
  readonly prefix?: string;
  readonly commandTimeoutMs?: number;
}

const reconnectAfterMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000);

/** A Redis that is there answers within this; one that hangs after it was connected to causes no error. */
const promptMs = 3_000;
const askAgainMs = 1_000;
const defaultStartTimeoutMs = 10_000;

/** Begins to connect, and goes on until it is closed. */
export function openRedis(options: ConnectionOptions, log: Logger): RedisConnection {
  const { prefix = defaultPrefix, commandTimeoutMs = 3_000 } = options;
  const client = redisClient(options, { isPatient: false, retryAfterMs: reconnectAfterMs, commandTimeoutMs });
  logChanges(client, log);
  // Rejects when the first attempt fails, of which an event tells; the next ones go on in the background.
  client.connect().catch(() => undefined);
  return {
    client,
    patient: () => patientClient(options, reconnectAfterMs),
    async fit(signal, onWait) {
      const tellTrouble = troubleLog(log, 'waiting for redis');
      const onTrouble = (error: Error) => {
        tellTrouble(error);
        onWait?.(error);
      };
      for (const server of await serverInfos(client, onTrouble, signal)) checkServer(server);
    },
    async ping() {
      // In a Cluster only the server of our keys counts.
      await client.exists(prefix);
    },
    async close() {
      client.disconnect();
    },
  };
}

/**
 * For programs that can do nothing without Redis, and whose callers would rather know.
 * @throws when it does not answer in time, is too old, or may evict keys.
 */
export async function connectRedis(
  { startTimeoutMs = defaultStartTimeoutMs, ...options }: ConnectionOptions & { readonly startTimeoutMs?: number },
  log: Logger,
): Promise<RedisConnection> {
  const connection = openRedis(options, log);
  const timeout = AbortSignal.timeout(startTimeoutMs);
  let reason: Error | undefined;
  try {
    await connection.fit(timeout, (error) => (reason = error));
    return connection;
  } catch (error) {
    await connection.close();
    if (!timeout.aborted) throw error;
    throw new Error(`connecting to Redis: no answer within ${startTimeoutMs} ms`, { cause: reason ?? error });
  }
}

/** What all servers say about themselves, as soon as they do. */
async function serverInfos(
  client: RedisClient,
  onTrouble: (error: Error) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (;;) {
    await ready(client, onTrouble, signal);
    try {
      const servers = client instanceof Cluster ? client.nodes('master') : [client];
      return await Promise.all(servers.map((server) => server.info()));
    } catch (error) {
      // It went away again just now.
      onTrouble(error as Error);
      await delay(askAgainMs, undefined, { signal });
    }
  }
}

async function ready(client: RedisClient, onTrouble: (error: Error) => void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (client.status === 'ready') return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason as Error);
  const timer = setTimeout(() => onTrouble(new Error(`no answer within ${promptMs} ms`)), promptMs);
  client.once('ready', resolve);
  client.on('error', onTrouble);
  signal.addEventListener('abort', onAbort);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    client.off('ready', resolve);
    client.off('error', onTrouble);
    signal.removeEventListener('abort', onAbort);
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
