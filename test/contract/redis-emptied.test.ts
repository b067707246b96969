import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import type { BuildJob, QueueHandlers } from '../../src/ports.ts';
import { startRedis } from '../redis-server.ts';
import { shortLocks } from './short-locks.ts';

const log = pino({ level: 'silent' });
const key = { repositoryId: 7, number: 1 };

const job: BuildJob = {
  key,
  ref: 'registry.test:5000/acme/shop/web:abc',
  name: 'web',
  repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://github.test/acme/shop.git' },
  revision: 'a'.repeat(40),
  trust: 'trusted',
  build: { context: '', dockerfile: 'Dockerfile', target: 'runtime', args: {} },
};

// Two runs and a build are what it takes; Redis was emptied once.
const maxCalls = 12;

/**
 * Brings one preview to its end over a real Redis, which is emptied at the nth step of it. All there is besides is a sweep
 * that comes by a few times a second. @returns the steps that were taken.
 */
async function lifeOfPreview(emptiedAt: number): Promise<readonly string[]> {
  await using server = await startRedis();
  const redis = await connectRedis({ url: server.url, commandTimeoutMs: 1_000 }, log);
  await using _ = { [Symbol.asyncDispose]: () => redis.close() };
  const queue = openQueue(redis, shortLocks, log);
  const steps: string[] = [];
  const step = async (name: string) => {
    steps.push(name);
    if (steps.length === emptiedAt) await server.startEmpty();
  };
  const progress = { isPushed: false, isReady: false };
  let calls = 0;
  // What a pass does with the queue, in its order.
  const handlers: QueueHandlers = {
    async reconcile() {
      calls += 1;
      await step('run begun');
      if (progress.isPushed) {
        progress.isReady = true;
        return step('run about to end well');
      }
      const waitingFor = await queue.waitingFor(key);
      await step('asked what is waited for');
      const build = (await queue.builds([job.ref])).get(job.ref);
      await step('asked how builds are');
      if (build?.state === 'building' && waitingFor.includes(job.ref)) return;
      await queue.startBuilds(key, [job]);
      await step('builds started');
    },
    async build() {
      calls += 1;
      await step('build begun');
      progress.isPushed = true;
      await step('image pushed');
    },
  };
  const workers = await queue.work(handlers);
  await queue.trigger(key);
  await step('triggered');
  while (!progress.isReady) {
    await setTimeout(200);
    // Away for a moment; the sweep comes again.
    await queue.trigger(key, { by: 'sweep' }).catch(() => undefined);
  }
  assert.ok(calls <= maxCalls, `${calls} calls`);
  await workers.close();
  await queue.close();
  return steps;
}

describe('a preview while Redis is emptied', { timeout: 240_000 }, () => {
  it('F4 is rebuilt when Redis is killed and restarted empty at any step', async () => {
    const steps = await lifeOfPreview(0);
    // Those of a life without trouble, each one once more after it, and the longer lives that trouble leads to.
    assert.ok(new Set(steps).size >= 8, steps.join(', '));
    for (let at = 1; at <= steps.length; at += 1) {
      const taken = await lifeOfPreview(at);
      assert.ok(taken.length >= at, `emptied at step ${at} of ${steps.join(', ')}`);
    }
  });
});
