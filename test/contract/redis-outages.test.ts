import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { buildServer } from '../../src/server/server.ts';
import type { RedisServer } from '../redis-server.ts';
import { startRedis } from '../redis-server.ts';
import { headersFor, pullRequestEvent, secret } from '../server/delivery.ts';
import { shortLocks } from './short-locks.ts';
import { startWorkerProcess } from './worker-process.ts';

/**
 * Six times as long as a lock lives, as 60 s are of the locks that Berth sets by default. What else is measured in seconds
 * (reconnecting, the answer to a webhook) is as in production.
 */
const outageMs = 6 * shortLocks.lockMs;

// A line for each of the outage's seconds, and those that say that it began and ended.
const maxLogLines = 20;

// Those of a worker, a server and this test, and a few attempts of each to find another primary.
const maxConnections = 15 + (2 * outageMs) / 1_000;

const log = pino({ level: 'silent' });

interface Outage {
  readonly name: string;
  begin(server: RedisServer, admin: Redis): Promise<unknown>;
  end(server: RedisServer, admin: Redis): Promise<unknown>;
}

const outages: readonly Outage[] = [
  {
    name: 'is a read-only replica',
    // Of a primary that does not answer: after a failover, the old primary is told to follow the new one.
    begin: (_, admin) => admin.replicaof('127.0.0.1', 1),
    end: (_, admin) => admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'misses its replicas',
    begin: (_, admin) => admin.config('SET', 'min-replicas-to-write', '3'),
    end: (_, admin) => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    name: 'is out of memory',
    begin: (_, admin) => admin.config('SET', 'maxmemory', '1mb'),
    end: (_, admin) => admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'is cut off',
    begin: async (server) => server.freeze(),
    end: async (server) => server.thaw(),
  },
];

describe('webhooks and workers while Redis is in trouble', { timeout: 120_000 }, () => {
  for (const { name, begin, end } of outages) {
    it(`F5 refuses deliveries with 503 while Redis ${name}, and recovers by itself`, async () => {
      await using server = await startRedis();
      await using worker = await startWorkerProcess([server.url]);
      await using front = await openFront(server.url);
      const admin = new Redis(server.url, { commandTimeout: 1_000 });
      await using _ = { [Symbol.asyncDispose]: async () => admin.disconnect() };
      assert.equal(await front.deliver(1), 202);
      await worker.says(({ run }) => run === '7-1');
      // In the middle of a run when the trouble begins.
      assert.equal(await front.deliver(1_001), 202);
      await worker.says(({ run }) => run === '7-1001');

      await begin(server, admin);
      const linesBefore = worker.logged.length;
      const until = Date.now() + outageMs;
      while (Date.now() < until) {
        const startedAt = Date.now();
        assert.equal(await front.deliver(2), 503);
        assert.ok(Date.now() - startedAt < 8_000, `after ${Date.now() - startedAt} ms`);
        await setTimeout(200);
      }
      const lines = worker.logged.slice(linesBefore);
      assert.ok(lines.length <= maxLogLines, `${lines.length} lines: ${JSON.stringify(lines.slice(0, 5))}`);
      const before = worker.said.length;
      await end(server, admin);
      const connections = Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
      assert.ok(connections <= maxConnections, `${connections} connections`);

      while ((await front.deliver(2)) !== 202) await setTimeout(50);
      await worker.says(({ run }) => run === '7-2');
      // Its lock is gone or its end could not be told: it is looked at again.
      assert.equal(await front.deliver(1_001), 202);
      await worker.says(({ run }) => run === '7-1001', before);
      assert.ok(worker.isAlive);
      assert.ok(worker.logged.length - linesBefore <= maxLogLines + 10, `${worker.logged.length - linesBefore} lines`);
    });
  }
});

/** What GitHub talks to, on a port of its own. */
async function openFront(url: string) {
  const redis = await connectRedis({ url, commandTimeoutMs: 1_000 }, log);
  const queue = openQueue(redis, {}, log);
  const app = buildServer({
    secrets: [secret],
    queue,
    onEverything: () => undefined,
    checks: { redis: redis.ping },
    log,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    /** The status of the answer. */
    async deliver(number: number): Promise<number> {
      const body = pullRequestEvent(number);
      const headers = { ...headersFor(body, 'pull_request'), connection: 'close' };
      const reply = await fetch(`http://127.0.0.1:${port}/webhooks/github`, { method: 'POST', body, headers });
      return reply.status;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await queue.close();
      await redis.close();
    },
  };
}
