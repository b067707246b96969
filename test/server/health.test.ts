import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { HealthCheck } from '../../src/server/health.ts';
import { buildOperations } from '../../src/server/operations.ts';
import { buildServer } from '../../src/server/server.ts';
import { secret } from './delivery.ts';

const serverWith = (checks: Readonly<Record<string, HealthCheck>>) =>
  buildServer({
    secrets: [secret],
    queue: { trigger: async () => undefined },
    onEverything: () => undefined,
    checks,
    log: pino({ level: 'silent' }),
  });

const operationsWith = (checks: Readonly<Record<string, HealthCheck>>) =>
  buildOperations({
    checks,
    metrics: { contentType: 'text/plain', text: async () => '' },
    log: pino({ level: 'silent' }),
  });

describe('health', () => {
  it('is alive whatever else is broken', async () => {
    const app = serverWith({ redis: () => Promise.reject(new Error('away')) });
    const reply = await app.inject('/healthz');
    assert.equal(reply.statusCode, 200);
    await app.close();
  });

  it('is ready when every check passes', async () => {
    const app = operationsWith({ redis: async () => undefined, cluster: async () => 'v1.35' });
    const reply = await app.inject('/readyz');
    assert.equal(reply.statusCode, 200);
    assert.deepEqual(reply.json(), { status: 'ok', checks: { redis: 'ok', cluster: 'ok' } });
    await app.close();
  });

  const failing = {
    redis: () => Promise.reject(new Error('password is hunter2')),
    cluster: async () => undefined,
  };

  it('says of one part how it is, whatever the others are', async () => {
    const app = operationsWith(failing);
    const replies = await Promise.all(['cluster', 'redis', 'moon'].map((name) => app.inject(`/readyz/${name}`)));
    assert.deepEqual(
      replies.map(({ statusCode }) => statusCode),
      [200, 503, 404],
    );
    assert.deepEqual(replies[0]?.json(), { status: 'ok', checks: { cluster: 'ok' } });
    await app.close();
  });

  it('says no more than that to strangers', async () => {
    const app = serverWith(failing);
    const reply = await app.inject('/readyz');
    assert.equal(reply.statusCode, 503);
    assert.deepEqual(reply.json(), { status: 'unavailable' });
    await app.close();
  });

  it('asks the parts once for all who ask meanwhile', async () => {
    let asked = 0;
    const { promise: pause, resolve: goOn } = Promise.withResolvers<void>();
    const app = serverWith({
      redis: () => {
        asked += 1;
        return pause;
      },
    });
    const replies = Array.from({ length: 20 }, async () => (await app.inject('/readyz')).statusCode);
    setImmediate(goOn);
    assert.deepEqual(new Set(await Promise.all(replies)), new Set([200]));
    assert.equal(asked, 1);
    await app.close();
  });

  it('names the checks that fail to operators, without telling why', async () => {
    const app = operationsWith(failing);
    const reply = await app.inject('/readyz');
    assert.equal(reply.statusCode, 503);
    assert.deepEqual(reply.json(), { status: 'unavailable', checks: { redis: 'failed', cluster: 'ok' } });
    await app.close();
  });

  it('takes a check that hangs for one that fails', async () => {
    const app = serverWith({ redis: () => new Promise(() => undefined) });
    assert.equal((await app.inject('/readyz')).statusCode, 503);
    await app.close();
  });
});
