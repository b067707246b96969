import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { connectRedis, type RedisConnection } from '../../src/adapters/redis/connection.ts';
import { openQueue, type RedisQueue } from '../../src/adapters/redis/queue.ts';
import type { QueueLoad } from '../../src/telemetry.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { probe } from './queue-probe.ts';

const ageMs = 300;

describe('the load of the queues', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let queue: RedisQueue;
  before(async () => {
    server = await startRedis();
    const log = pino({ level: 'silent' });
    redis = await connectRedis({ url: server.url }, log);
    queue = openQueue(redis, {}, log);
  });
  after(async () => {
    await queue.close();
    await redis.close();
    await server.stop();
  });

  const loadOf = async (name: string): Promise<QueueLoad> =>
    (await queue.load()).find((load) => load.queue === name) ?? assert.fail(`there is no queue ${name}`);

  it('is nothing at first', async () => {
    const nothing = { waiting: 0, waitingMs: 0, active: 0, activeMs: 0, delayed: 0 };
    assert.deepEqual(await queue.load(), [
      { queue: 'previews', ...nothing },
      { queue: 'builds', ...nothing },
    ]);
  });

  it('is what waits, what is worked on and what is delayed, and for how long', async () => {
    await queue.trigger({ repositoryId: 7, number: 1 });
    await setTimeout(ageMs);
    await queue.trigger({ repositoryId: 7, number: 2 });
    await queue.trigger({ repositoryId: 7, number: 3 }, { delayMs: 60_000 });
    const waiting = await loadOf('previews');
    assert.deepEqual([waiting.waiting, waiting.active, waiting.delayed], [2, 0, 1]);
    assert.ok(waiting.waitingMs >= ageMs && waiting.waitingMs < ageMs + 5_000, `the oldest: ${waiting.waitingMs}`);

    const calls = probe();
    const workers = await queue.work(calls.handlers);
    await Promise.all([calls.run(), calls.run()]);
    await setTimeout(ageMs);
    const active = await loadOf('previews');
    assert.deepEqual([active.waiting, active.waitingMs, active.active], [0, 0, 2]);
    assert.ok(active.activeMs >= ageMs && active.activeMs < ageMs + 5_000, `the oldest: ${active.activeMs}`);
    await workers.close();
  });
});
