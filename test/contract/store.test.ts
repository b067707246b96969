import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import type { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { redisStore } from '../../src/adapters/redis/store.ts';
import { fakeClock } from '../fakes/clock.ts';
import { fakeStore } from '../fakes/store.ts';
import type { RedisServer } from '../redis-server.ts';
import { startRedis } from '../redis-server.ts';
import { describeStoreContract } from './store.contract.ts';

describeStoreContract('in memory', async () => {
  const clock = fakeClock();
  return { store: fakeStore(clock), elapse: clock.advance, close: async () => undefined };
});

let server: RedisServer;
let redis: RedisConnection;
before(async () => {
  server = await startRedis();
  redis = await connectRedis({ url: server.url }, pino({ level: 'silent' }));
});
after(async () => {
  await redis.close();
  await server.stop();
});

let subjects = 0;

describeStoreContract('Redis', async () => {
  subjects += 1;
  return {
    store: redisStore(redis.client, `{test-${subjects}}`),
    elapse: async (ms) => setTimeout(ms + 20),
    close: async () => undefined,
  };
});

it('takes a status that it cannot read for none', async () => {
  const store = redisStore(redis.client, '{unreadable}');
  for (const value of ['', 'not JSON', 'null', '{"key":{}}', '{"phase":"Ready"}']) {
    await redis.client.set('{unreadable}:status:pr-1', value);
    assert.equal(await store.status('pr-1'), undefined);
  }
});
