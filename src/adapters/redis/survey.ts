/** What there is to know about a Redis server before it is used. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisAccess, redisClient, type RedisClient } from './client.ts';
import { fieldsOf } from './server-check.ts';

export interface RedisSurvey {
  /** The fields of `INFO`. */
  readonly fields: ReadonlyMap<string, string>;
  /** Whether snapshots are taken; `undefined` when the server does not tell. */
  readonly snapshots: boolean | undefined;
  /** The quickest of some round trips: the others measure how busy this machine is. */
  readonly latencyMs: number;
  /** What the server said when it was asked to store something; `undefined` when it did. */
  readonly writeError: string | undefined;
}

const roundTrips = 10;
const pauseMs = 50;

/**
 * Connects, looks, writes one key that expires by itself, and disconnects.
 * @param prefix of all of our keys.
 * @throws when there is no connection.
 */
export async function surveyRedis(
  { prefix, ...access }: RedisAccess & { readonly prefix: string },
  signal: AbortSignal,
): Promise<RedisSurvey> {
  signal.throwIfAborted();
  const client = redisClient(access, { isPatient: false, retryAfterMs: () => null, commandTimeoutMs: 3_000 });
  let connectionError: Error | undefined;
  client.on('error', (error: Error) => (connectionError = error));
  const disconnect = () => client.disconnect();
  signal.addEventListener('abort', disconnect, { once: true });
  try {
    // The first is told by the event alone: `connect` rejects with "Connection is closed".
    await client.connect().catch((error: unknown) => {
      throw connectionError ?? error;
    });
    const server = await serverOf(client, prefix);
    const fields = fieldsOf(await server.info());
    const snapshots = await snapshotsOf(server);
    const latencyMs = await latencyOf(server);
    const key = `${prefix}:doctor:${randomBytes(6).toString('hex')}`;
    const writeError = await client.set(key, 'x', 'PX', 10_000).then(() => undefined, messageOf);
    return { fields, snapshots, latencyMs, writeError };
  } finally {
    signal.removeEventListener('abort', disconnect);
    client.disconnect();
  }
}

/** The one that has our keys. */
async function serverOf(client: RedisClient, prefix: string): Promise<Redis> {
  if (client instanceof Redis) return client;
  const slot = await client.cluster('KEYSLOT', prefix);
  const address = client.slots[slot]?.[0];
  const server = client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
  if (server === undefined)
    throw new Error(`no server of the Redis Cluster has slot ${slot}, where the keys ${prefix}:… are`);
  return server;
}

/** Managed services often forbid `CONFIG`. */
async function snapshotsOf(client: Redis): Promise<boolean | undefined> {
  const reply = await client.config('GET', 'save').catch(() => undefined);
  const value = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === 'string' ? value !== '' : undefined;
}

async function latencyOf(client: Redis): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < roundTrips; nth += 1) {
    const startedAt = performance.now();
    await client.ping();
    times.push(performance.now() - startedAt);
    await delay(pauseMs);
  }
  return Math.min(...times);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
