import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { openMetrics } from '../../src/metrics.ts';
import { buildOperations, type OperationsOptions } from '../../src/server/operations.ts';

const operationsWith = (change: Partial<OperationsOptions> = {}) =>
  buildOperations({ checks: {}, metrics: openMetrics(() => 0), log: pino({ level: 'silent' }), ...change });

describe('the server for operators', () => {
  it('serves the metrics as Prometheus reads them', async () => {
    await using app = operationsWith();
    const reply = await app.inject('/metrics');
    assert.equal(reply.statusCode, 200);
    assert.match(String(reply.headers['content-type']), /^text\/plain; version=0\.0\.4/);
    assert.match(reply.body, /^berth_reclaims_total\{kind="process"\} 0$/m);
  });

  it('says how the process is', async () => {
    await using app = operationsWith({ checks: { redis: () => Promise.reject(new Error('away')) } });
    assert.equal((await app.inject('/healthz')).statusCode, 200);
    assert.equal((await app.inject('/readyz')).statusCode, 503);
  });

  it('takes no webhooks, and tells nothing of what went wrong in it', async () => {
    const metrics = { contentType: 'text/plain', text: () => Promise.reject(new Error('password is hunter2')) };
    await using app = operationsWith({ metrics });
    const reply = await app.inject('/metrics');
    assert.equal(reply.statusCode, 500);
    assert.ok(!reply.body.includes('hunter2'));
    assert.equal((await app.inject({ method: 'POST', url: '/webhooks/github', payload: {} })).statusCode, 404);
  });
});
