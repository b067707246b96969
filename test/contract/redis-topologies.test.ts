/** Berth's side of Redis where it is not one server without TLS. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import type { RedisAccess } from '../../src/adapters/redis/client.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { redisStore } from '../../src/adapters/redis/store.ts';
import { surveyRedis } from '../../src/adapters/redis/survey.ts';
import { type RedisGroup, startCluster, startRedisWithTls, startSentinels } from '../redis-topologies.ts';
import { probe } from './queue-probe.ts';
import { shortLocks } from './short-locks.ts';

const log = pino({ level: 'silent' });
const prefix = '{topology}';
const key = { repositoryId: 7, number: 1 };
const { signal } = new AbortController();

async function open(access: RedisAccess) {
  const stack = new AsyncDisposableStack();
  const redis = await connectRedis({ ...access, prefix, commandTimeoutMs: 1_000 }, log);
  stack.defer(() => redis.close());
  const queue = openQueue(redis, { ...shortLocks, prefix }, log);
  stack.defer(() => queue.close());
  const worker = probe();
  const workers = await queue.work(worker.handlers);
  stack.defer(() => workers.close());
  return {
    redis,
    queue,
    worker,
    store: redisStore(redis.client, prefix),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A trigger goes through the queue, a build starts and is cancelled, and the store keeps something. */
async function worksWith({ queue, worker, store }: Awaited<ReturnType<typeof open>>): Promise<void> {
  await queue.trigger(key);
  const run = await worker.run();
  assert.deepEqual(run.key, key);
  const again = queue.trigger(key);
  await run.triggered;
  await again;
  run.finish();
  (await worker.run()).finish();
  await queue.startBuilds(key, [
    {
      key,
      ref: 'registry.test:5000/acme/shop/web:abc',
      name: 'web',
      repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://github.test/acme/shop.git' },
      revision: 'a'.repeat(40),
      trust: 'trusted',
      build: { context: '', dockerfile: 'Dockerfile', target: 'runtime', args: {} },
    },
  ]);
  const build = await worker.build();
  await queue.cancelBuilds(key, []);
  await build.aborted;
  await store.set('name', 'value', 10_000);
  assert.equal(await store.get('name'), 'value');
}

/** Resolves when it answers again; nobody is told of that. */
async function comesBack(ask: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await setTimeout(20);
    }
  }
}

describe('Redis behind TLS', { timeout: 60_000 }, () => {
  it('is used with a certificate and a key of our own, and is surveyed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'berth-redis-tls-'));
    try {
      await using server = await startRedisWithTls(folder);
      const access = { url: server.url, ca: server.certificate, certificate: server.certificate, key: server.key };
      await using berth = await open(access);
      await worksWith(berth);
      assert.equal((await surveyRedis({ ...access, prefix }, signal)).writeError, undefined);
      const stranger = connectRedis({ url: server.url, ca: server.certificate, startTimeoutMs: 500 }, log);
      await assert.rejects(stranger, /no answer within 500 ms/);
      const credulous = connectRedis({ ...access, ca: undefined, startTimeoutMs: 500 }, log);
      await assert.rejects(credulous, ({ cause }: Error) => String(cause).includes('self-signed certificate'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

const groups: readonly {
  readonly name: string;
  readonly start: () => Promise<RedisGroup>;
  readonly password?: string;
}[] = [
  { name: 'with Sentinels', start: () => startSentinels('a-password'), password: 'a-password' },
  { name: 'as a Cluster', start: () => startCluster(prefix) },
];

describe('Redis in several pieces', { timeout: 120_000, concurrency: 2 }, () => {
  for (const { name, start, password } of groups) {
    it(`F4 F5 ${name}: goes on by itself when another server takes over`, async () => {
      await using group = await start();
      const access = { url: group.url, ...(password === undefined ? {} : { password }) };
      await using berth = await open(access);
      await worksWith(berth);
      const { fields, writeError } = await surveyRedis({ ...access, prefix }, signal);
      assert.equal(fields.get('role'), 'master');
      assert.equal(writeError, undefined);

      await berth.queue.trigger(key);
      const interrupted = await berth.worker.run();
      await group.failOver();
      await comesBack(() => berth.redis.ping());
      await berth.queue.trigger(key);
      interrupted.finish();
      const next = await berth.worker.run();
      assert.deepEqual(next.key, key);
      berth.worker.finishRuns();
      next.finish();
    });
  }
});
