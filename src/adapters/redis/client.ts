/** Clients of Redis, wherever and however it runs. */
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { Cluster, Redis } from 'ioredis';
import { parseRedisUrl, type RedisAddress } from '../../domain/redis-address.ts';

/** Both take the same commands; all of Berth's keys lie in one slot of a Cluster. */
export type RedisClient = Redis | Cluster;

/** How to reach Redis. */
export interface RedisAccess {
  /** As `parseRedisUrl` takes it. */
  readonly url: string;
  /** Instead of the one in the URL. */
  readonly password?: string | undefined;
  /** Of the Sentinels themselves. */
  readonly sentinelPassword?: string | undefined;
  /** PEM: whom to trust instead of the authorities that Node knows. */
  readonly ca?: string | undefined;
  /** PEM: for servers that want to know us. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** How a client behaves while Redis is away. */
export interface Manners {
  /** Milliseconds until the next attempt to connect; `null` to give up. */
  readonly retryAfterMs: (attempt: number) => number | null;
  /** Commands wait for Redis as long as it takes; otherwise they reject at once. */
  readonly isPatient: boolean;
  /** For patient clients there is none. */
  readonly commandTimeoutMs?: number;
}

// A primary whose machine is gone does not close the connection, and ioredis' own failover detector ends the client for good when it
// reports while one is being made (seen with 6.0). Longer than workers block.
const silenceMs = 30_000;

// A failover takes seconds, and meanwhile every command that fails would reconnect.
const failoverRetryMs = 2_000;

/**
 * A client that is not connected yet; a patient one connects by itself, the others by `connect`.
 * @throws for a URL that `parseRedisUrl` does not take.
 */
export function redisClient(access: RedisAccess, manners: Manners): RedisClient {
  const address = parseRedisUrl(access.url);
  if (typeof address === 'string') throw new TypeError(`the URL of Redis ${address}`);
  const options = nodeOptions(address, access, manners);
  const { isPatient, retryAfterMs } = manners;
  const own = { lazyConnect: !isPatient, enableOfflineQueue: isPatient };
  switch (address.kind) {
    case 'server':
      return new Redis({ ...options, ...own, ...address.node, db: address.database, retryStrategy: retryAfterMs });
    case 'sentinel':
      return new Redis({
        ...options,
        ...own,
        sentinels: [...address.sentinels],
        name: address.primary,
        db: address.database,
        retryStrategy: retryAfterMs,
        sentinelRetryStrategy: retryAfterMs,
        ...(access.sentinelPassword === undefined ? {} : { sentinelPassword: access.sentinelPassword }),
        ...(options.tls === undefined ? {} : { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
      });
    case 'cluster':
      return new Cluster([...address.nodes], {
        ...own,
        clusterRetryStrategy: retryAfterMs,
        redisOptions: options,
        // A name that the certificate has been made for must not be replaced by its address.
        ...(address.usesTls ? { dnsLookup: asNamed } : {}),
      });
  }
}

const asNamed: NonNullable<ClusterOptions['dnsLookup']> = (name, callback) => callback(null, name);

/** For each connection, whatever it is part of. */
function nodeOptions(address: RedisAddress, access: RedisAccess, { isPatient, commandTimeoutMs }: Manners) {
  const { username } = address;
  const password = access.password ?? address.password;
  let reconnectedAt = -Infinity;
  return {
    connectTimeout: 5_000,
    socketTimeout: silenceMs,
    // BullMQ wants `null` of those that it blocks on. Source: docs.bullmq.io/guide/going-to-production
    maxRetriesPerRequest: isPatient ? null : 0,
    // After a failover the old primary answers READONLY: find the new one, and send the command again. The first word
    // of an error reply is Redis' error code.
    reconnectOnError(error: Error) {
      if (!error.message.startsWith('READONLY ') || performance.now() - reconnectedAt < failoverRetryMs) return false;
      reconnectedAt = performance.now();
      return 2;
    },
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(address.usesTls ? { tls: tlsOptions(access) } : {}),
  } satisfies RedisOptions;
}

function tlsOptions({ ca, certificate, key }: RedisAccess) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
