import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import type { RedisQueue } from '../../src/adapters/redis/queue.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { buildServer } from '../../src/server/server.ts';
import type { Probe } from './queue-probe.ts';
import { probe } from './queue-probe.ts';
import type { RedisServer } from '../redis-server.ts';
import { startRedis } from '../redis-server.ts';
import { headersFor, pullRequestEvent, secret } from '../server/delivery.ts';

const log = pino({ level: 'silent' });
const body = pullRequestEvent();

describe('webhook with Redis', { timeout: 60_000 }, () => {
  let redisServer: RedisServer;
  let redis: RedisConnection;
  let queue: RedisQueue;
  let app: FastifyInstance;
  let port: number;

  const deliver = async (to = port) => {
    const headers = { ...headersFor(body, 'pull_request'), connection: 'close' };
    return fetch(`http://127.0.0.1:${to}/webhooks/github`, { method: 'POST', body, headers });
  };

  /** How often the preview runs now, until nothing is left to run. */
  const runsOf = async (worker: Probe) => {
    worker.finishRuns();
    const workers = await queue.work(worker.handlers);
    const isBusy = async () => {
      const [waiting, active] = await Promise.all(
        ['wait', 'active'].map((list) => redis.client.llen(`{berth}:previews:${list}`)),
      );
      return waiting !== 0 || active !== 0;
    };
    while (await isBusy()) await setTimeout(5);
    await workers.close();
    return worker.started.runs;
  };

  beforeEach(async () => {
    redisServer = await startRedis();
    redis = await connectRedis({ url: redisServer.url }, log);
    queue = openQueue(redis, {}, log);
    app = buildServer({
      secrets: [secret],
      queue,
      onEverything: () => undefined,
      checks: { redis: redis.ping },
      log,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    port = (app.server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    await app.close();
    await queue.close();
    await redis.close();
    await redisServer.stop();
  });

  it('A10 makes one run of the same delivery a hundred times in parallel', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, () => deliver()));
    assert.deepEqual(new Set(replies.map((reply) => reply.status)), new Set([202]));
    assert.equal(await runsOf(probe()), 1);
  });

  it('A11 A13 answers 503 at once while Redis is down, and processes the redelivery', async () => {
    await redisServer.kill();
    const startedAt = Date.now();
    const reply = await deliver();
    assert.equal(reply.status, 503);
    assert.equal(reply.headers.get('retry-after'), '10');
    assert.ok(Date.now() - startedAt < 1_000, `after ${Date.now() - startedAt} ms`);
    assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 503);
    await redisServer.startEmpty();
    while ((await deliver()).status !== 202) await setTimeout(20);
    assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
    assert.equal(await runsOf(probe()), 1);
  });

  it('A11 answers 503 in time while Redis hangs', async () => {
    redisServer.freeze();
    const startedAt = Date.now();
    assert.equal((await deliver()).status, 503);
    assert.ok(Date.now() - startedAt < 8_000, `after ${Date.now() - startedAt} ms`);
    redisServer.thaw();
  });

  it('A12 has one effect when the server dies before its answer and the delivery comes again', async () => {
    const program = fileURLToPath(new URL('dying-server.ts', import.meta.url));
    const child = spawn(process.execPath, [program, redisServer.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    await assert.rejects(deliver(Number(line.toString())));
    await exited;
    assert.equal((await deliver()).status, 202);
    assert.equal(await runsOf(probe()), 1);
  });
});
