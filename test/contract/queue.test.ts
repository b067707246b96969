import { after, before } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Queue as BullQueue } from 'bullmq';
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import type { RedisQueue } from '../../src/adapters/redis/queue.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { fakeClock } from '../fakes/clock.ts';
import { fakeQueue } from '../fakes/queue.ts';
import type { RedisServer } from '../redis-server.ts';
import { startRedis } from '../redis-server.ts';
import { contractOptions, describeQueueContract } from './queue.contract.ts';

describeQueueContract('in memory', async () => {
  const clock = fakeClock();
  const queue = fakeQueue(clock, contractOptions);
  return {
    open: () => queue,
    now: clock.now,
    elapse: clock.advance,
    idle: queue.idle,
    close: async () => undefined,
  };
});

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

let subjects = 0;

describeQueueContract('BullMQ', async () => {
  const log = pino({ level: 'silent' });
  subjects += 1;
  const prefix = `{test-${subjects}}`;
  const queues: RedisQueue[] = [];
  const redis = await connectRedis({ url: server.url }, log);
  const watchers = ['previews', 'builds'].map((name) => new BullQueue(name, { connection: redis.client, prefix }));
  return {
    open() {
      const queue = openQueue(redis, { ...contractOptions, prefix, closeTimeoutMs: 5_000 }, log);
      queues.push(queue);
      return queue;
    },
    now: Date.now,
    // Timers of other processes are not exact.
    elapse: async (ms) => setTimeout(ms + 60),
    async idle() {
      for (;;) {
        const counts = await Promise.all(watchers.map((queue) => queue.getJobCounts('wait', 'active', 'prioritized')));
        if (counts.every((count) => Object.values(count).every((jobs) => jobs === 0))) return;
        await setTimeout(5);
      }
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.close()));
      await Promise.all(watchers.map((queue) => queue.close()));
      await redis.close();
    },
  };
});
