import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { startRedis } from '../redis-server.ts';
import { testPreview } from './kubernetes-stack.ts';
import { shortLocks } from './short-locks.ts';
import { startWorkerProcess } from './worker-process.ts';

const log = pino({ level: 'silent' });
const program = new URL('fenced-worker-program.ts', import.meta.url);
const [first, second] = ['a', 'b'].map((digit) => digit.repeat(40)) as [string, string];

describe('two live workers', { timeout: 90_000 }, () => {
  it('F2 lets a worker that was stopped past its lock write nothing once it goes on', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    await using server = await startRedis();
    const redis = await connectRedis({ url: server.url }, log);
    await using _ = { [Symbol.asyncDispose]: () => redis.close() };
    const queue = openQueue(redis, shortLocks, log);
    await using loser = await startWorkerProcess([server.url, preview.instance, first], program);
    await queue.trigger(preview.key);
    await loser.says(({ claimed }) => claimed === first);
    loser.signal('SIGSTOP');

    await using winner = await startWorkerProcess([server.url, preview.instance, second], program);
    await winner.says(({ wrote }) => wrote === second);
    const { signal } = new AbortController();
    const read = () => preview.api.json({ method: 'GET', path: namespacePath(preview.name) }, signal);
    const before = await read();

    loser.signal('SIGCONT');
    await loser.says(({ fenced }) => fenced === first);
    assert.deepEqual(
      loser.said.filter(({ wrote }) => wrote !== undefined),
      [],
    );
    // Not a byte of the namespace has changed: the version counts every write.
    assert.deepEqual(await read(), before);
    const { namespace } = await preview.cluster.observe(preview.key, preview.name, undefined, signal);
    assert.ok(namespace.state === 'active' && namespace.revision === second);
    // BullMQ tells the loser as well, sooner or later.
    await loser.says(({ interrupted }) => interrupted === true);
    await queue.close();
  });
});
