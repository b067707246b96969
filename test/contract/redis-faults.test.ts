import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { connectRedis, openRedis } from '../../src/adapters/redis/connection.ts';
import { Interrupted } from '../../src/adapters/redis/run.ts';
import type { RedisQueue } from '../../src/adapters/redis/queue.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import type { BuildJob, QueueWorkers } from '../../src/ports.ts';
import { probe } from './queue-probe.ts';
import type { RedisServer } from '../redis-server.ts';
import { startRedis } from '../redis-server.ts';
import { shortLocks } from './short-locks.ts';

const key = { repositoryId: 7, number: 1 };
const log = pino({ level: 'silent' });

const job: BuildJob = {
  key,
  ref: 'registry.test:5000/acme/shop/web:abc',
  name: 'web',
  repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://github.test/acme/shop.git' },
  revision: 'a'.repeat(40),
  trust: 'trusted',
  build: { context: '', dockerfile: 'Dockerfile', target: 'runtime', args: {} },
};

describe('the queue when things break', { timeout: 60_000 }, () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let queue: RedisQueue;
  const workers: QueueWorkers[] = [];

  const work = async () => {
    const calls = probe();
    workers.push(await queue.work(calls.handlers));
    return calls;
  };

  beforeEach(async () => {
    server = await startRedis();
    redis = await connectRedis({ url: server.url, commandTimeoutMs: 1_000 }, log);
    queue = openQueue(redis, shortLocks, log);
  });

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await queue.close();
    await redis.close();
    await server.stop();
  });

  it('F1 gives the work of a killed worker to another', async () => {
    const program = fileURLToPath(new URL('redis-process.ts', import.meta.url));
    const child = spawn(process.execPath, [program, server.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => `${(await lines.next()).value}`;
    assert.equal(await next(), 'ready');
    await queue.trigger(key);
    await queue.startBuilds({ repositoryId: 7, number: 2 }, [job]);
    assert.deepEqual([await next(), await next()].sort(), ['build web', 'run 7-1']);
    // Comes while the killed worker seems to be at work: there will be one more run.
    await queue.trigger(key);
    child.kill('SIGKILL');
    await exited;

    const successor = await work();
    const killedAt = Date.now();
    const [run, build] = await Promise.all([successor.run(), successor.build()]);
    assert.ok(Date.now() - killedAt < 5_000, `after ${Date.now() - killedAt} ms`);
    assert.deepEqual(run.key, key);
    run.finish();
    (await successor.run()).finish();
    build.finish();
    assert.equal((await successor.run()).key.number, 2);
    successor.finishRuns();
  });

  it('F2 interrupts a run whose lock went to somebody else, and runs again', async () => {
    const worker = await work();
    await queue.trigger(key);
    const run = await worker.run();
    const locks = await redis.client.keys('*:lock');
    assert.equal(locks.length, 1);
    await redis.client.set(locks[0] ?? '', 'somebody else', 'PX', 1_000);
    const reason = await run.aborted;
    assert.ok(reason instanceof Interrupted && reason.why === 'lost');
    worker.finishRuns();
    await worker.run();
  });

  it('F4 goes on when Redis is emptied during a run and a build', async () => {
    const worker = await work();
    await queue.trigger(key);
    await queue.startBuilds(key, [job]);
    const [run, build] = [await worker.run(), await worker.build()];
    await server.startEmpty();
    // The jobs are gone and the runs stop, as somebody else could have them now.
    await Promise.all([run.aborted, build.aborted]);
    // What was interrupted triggers itself again.
    const again = await worker.run();
    assert.deepEqual(again.key, key);
    await queue.startBuilds(key, [job]);
    const rebuilt = await worker.build();
    worker.finishRuns();
    again.finish();
    rebuilt.finish();
    await until(async () => (await queue.waitingFor(key)).length === 0);
    const other = { repositoryId: 7, number: 2 };
    const before = worker.started.runs;
    await queue.trigger(other);
    await until(() => worker.started.runs > before);
  });

  it('F1 gives a build up that keeps killing its worker', async () => {
    await queue.startBuilds(key, [job]);
    // What BullMQ counts when the lock of a running job expires.
    await redis.client.hset('{berth}:builds:1', 'stc', 5);
    const worker = await work();
    worker.finishRuns();
    await worker.run();
    const state = (await queue.builds([job.ref])).get(job.ref);
    assert.ok(state?.state === 'failed');
    assert.match(state.diagnosis.message, /worker was killed 5 times/);
    assert.equal(worker.started.builds, 0);
  });

  it('F5 catches up on messages that were sent while nobody listened', async () => {
    const worker = await work();
    await queue.trigger(key);
    await queue.startBuilds(key, [job]);
    const [run, build] = [await worker.run(), await worker.build()];
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await queue.cancelBuilds(key, []);
    await Promise.all([build.aborted, run.triggered]);
    worker.finishRuns();
    run.finish();
    await worker.run();
  });

  it('F4 caps builds again when Redis was emptied', async () => {
    await work();
    await server.startEmpty();
    await until(() =>
      queue.trigger(key).then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await redis.client.hget('{berth}:builds:meta', 'concurrency')) === '8');
  });

  it('F5 rejects at once while Redis is away, and recovers by itself', async () => {
    const worker = await work();
    await server.kill();
    const startedAt = Date.now();
    await assert.rejects(queue.trigger(key));
    assert.ok(Date.now() - startedAt < 500, `after ${Date.now() - startedAt} ms`);
    await assert.rejects(redis.ping());
    await server.startEmpty();
    await until(() =>
      queue.trigger(key).then(
        () => true,
        () => false,
      ),
    );
    (await worker.run()).finish();
    worker.finishRuns();
  });

  it('F5 rejects in time while Redis hangs', async () => {
    server.freeze();
    const startedAt = Date.now();
    await assert.rejects(queue.trigger(key));
    assert.ok(Date.now() - startedAt < 3_000, `after ${Date.now() - startedAt} ms`);
    server.thaw();
    await until(() =>
      queue.trigger(key).then(
        () => true,
        () => false,
      ),
    );
  });

  it('F5 tries again while Redis refuses to write', async () => {
    const worker = await work();
    await queue.trigger(key);
    const run = await worker.run();
    await redis.client.config('SET', 'min-replicas-to-write', '3');
    run.fail(new Error('cluster is away'));
    await assert.rejects(queue.trigger(key));
    await setTimeout(300);
    await redis.client.config('SET', 'min-replicas-to-write', '0');
    (await worker.run()).finish();
    worker.finishRuns();
  });

  it('F8 holds nobody up for one of 500 previews that always fails, and backs off from it', async () => {
    const poisoned = 250;
    let failures = 0;
    const runs = new Map<number, number>();
    const lines: string[] = [];
    const patient = openQueue(redis, {}, pino({ level: 'info' }, { write: (line) => void lines.push(line) }));
    workers.push(
      await patient.work({
        async reconcile({ number }) {
          if (number === poisoned) {
            failures += 1;
            throw new Error('poisoned');
          }
          runs.set(number, (runs.get(number) ?? 0) + 1);
        },
        build: async () => undefined,
      }),
    );
    const numbers = Array.from({ length: 500 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => queue.trigger({ repositoryId: 7, number })));
    await until(() => runs.size === 499);
    // The sweep comes by again and again, and finds it waiting.
    const sweeps = 200;
    for (let nth = 0; nth < sweeps; nth += 1)
      await queue.trigger({ repositoryId: 7, number: poisoned }, { by: 'sweep' });
    assert.deepEqual(new Set(runs.values()), new Set([1]));
    // Doubling from 5 ms, the eighteenth wait is longer than this test may take.
    assert.ok(failures <= 18, `${failures} failures`);
    assert.ok(lines.length <= failures, `${lines.length} lines`);

    // News ends the back-off at once.
    const before = failures;
    await queue.trigger({ repositoryId: 7, number: poisoned });
    await until(() => failures > before);
    await patient.close();
  });

  it('closes in time when Redis is away and a handler does not listen', async () => {
    const stuck = await queue.work({ reconcile: () => new Promise(() => undefined), build: async () => undefined });
    await queue.trigger(key);
    await until(async () => (await redis.client.llen('{berth}:previews:active')) === 1);
    await server.kill();
    const startedAt = Date.now();
    await stuck.close();
    assert.ok(Date.now() - startedAt < shortLocks.closeTimeoutMs + 6_000, `after ${Date.now() - startedAt} ms`);
  });
});

describe('connecting to Redis', { timeout: 30_000 }, () => {
  it('F6 refuses a server that may evict keys, and says what to change', async () => {
    await using server = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    await assert.rejects(connectRedis({ url: server.url }, log), /set maxmemory-policy noeviction/);
  });

  it('gives up on a server that does not answer', async () => {
    const server = await startRedis();
    await server.stop();
    await assert.rejects(connectRedis({ url: server.url, startTimeoutMs: 300 }, log), /no answer within 300 ms/);
  });

  it('F5 waits for a server that is away, says so once in a while, and goes on when it is there', async () => {
    await using server = await startRedis();
    await server.kill();
    const lines: { readonly msg: string; readonly reason?: string }[] = [];
    const redis = openRedis(
      { url: server.url },
      pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) }),
    );
    const queue = openQueue(redis, shortLocks, log);
    try {
      const waiting = Promise.withResolvers<void>();
      let waits = 0;
      const fit = redis.fit(new AbortController().signal, () => {
        waits += 1;
        waiting.resolve();
      });
      await waiting.promise;
      await assert.rejects(redis.ping());
      await setTimeout(500);
      await server.startEmpty();
      await fit;
      await queue.trigger(key);
      assert.equal((await queue.load())[0]?.waiting, 1);
      assert.ok(waits >= 1);
      const said = lines.map(({ msg, reason }) => ({ msg, reason: reason?.replace(/\d+$/, 'port') }));
      assert.deepEqual(said, [{ msg: 'waiting for redis', reason: 'connect ECONNREFUSED 127.0.0.1:port' }]);
    } finally {
      await queue.close();
      await redis.close();
    }
  });

  it('F6 refuses a server that came late and may evict keys', async () => {
    await using server = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    await server.kill();
    const redis = openRedis({ url: server.url }, log);
    const waiting = Promise.withResolvers<void>();
    const fit = redis.fit(new AbortController().signal, () => waiting.resolve());
    await waiting.promise;
    await Promise.all([server.startEmpty(), assert.rejects(fit, /set maxmemory-policy noeviction/)]);
    await redis.close();
  });

  it('ends at once while it waits for a server', async () => {
    const server = await startRedis();
    await server.stop();
    const redis = openRedis({ url: server.url }, log);
    const queue = openQueue(redis, shortLocks, log);
    const stopping = new AbortController();
    const fit = redis.fit(stopping.signal, () => stopping.abort(new Error('SIGTERM')));
    await assert.rejects(fit, /SIGTERM/);
    const startedAt = Date.now();
    await queue.close();
    await redis.close();
    assert.ok(Date.now() - startedAt < 1_000, `after ${Date.now() - startedAt} ms`);
  });
});

/** Polls a condition that only the outside makes true; the test's timeout bounds it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(10);
}
