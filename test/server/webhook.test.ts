import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { logOptions } from '../../src/log.ts';
import { buildServer } from '../../src/server/server.ts';
import { fakeClock } from '../fakes/clock.ts';
import type { FakeQueue } from '../fakes/queue.ts';
import { fakeQueue } from '../fakes/queue.ts';
import { type FakeTelemetry, fakeTelemetry } from '../fakes/telemetry.ts';
import { webhookExamples } from '../webhook-examples.ts';
import { headersFor, pullRequestEvent, secret, signatureOf } from './delivery.ts';
import { exchange } from './exchange.ts';

const mebibyte = 1024 * 1024;
const oldSecret = '0f9e8d7c6b5a4938';

describe('webhook', { timeout: 60_000 }, () => {
  let queue: FakeQueue;
  let app: FastifyInstance;
  let everything: number;
  let lines: string[];
  let telemetry: FakeTelemetry;

  const build = (
    secrets: readonly string[],
    more: { readonly requestTimeoutMs?: number; readonly accounts?: readonly string[] } = {},
  ) =>
    buildServer({
      secrets,
      queue,
      appId: 123,
      onEverything: () => {
        everything += 1;
      },
      checks: {},
      telemetry,
      log: pino(logOptions({ level: 'debug', role: 'server' }), { write: (line) => void lines.push(line) }),
      ...more,
    });

  /** The port that the server listens on, from the first time it is asked for. */
  const listen = async () => {
    if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  };

  const post = async (body: string | Buffer, headers: Record<string, string>) =>
    exchange(await listen(), body, headers);

  beforeEach(() => {
    queue = fakeQueue(fakeClock());
    everything = 0;
    lines = [];
    telemetry = fakeTelemetry();
    app = build([secret]);
  });
  afterEach(() => app.close());

  it('counts what came by event and answer, whose event is believed when it is signed', async () => {
    const body = pullRequestEvent();
    await post(body, headersFor(body, 'pull_request'));
    await post(body, headersFor(body, 'pull_request', { 'x-hub-signature-256': signatureOf('another') }));
    queue.trigger = () => Promise.reject(new Error('no Redis'));
    await post(body, headersFor(body, 'pull_request'));
    await app.inject('/elsewhere');
    await app.inject('/healthz');
    assert.deepEqual(telemetry.others, [
      ['delivered', 'pull_request', 202],
      ['delivered', undefined, 401],
      ['delivered', 'pull_request', 503],
      ['refused', 404],
    ]);
  });

  it('triggers the preview that an event is about', async () => {
    const body = pullRequestEvent();
    const reply = await post(body, headersFor(body, 'pull_request'));
    assert.equal(reply.statusCode, 202);
    assert.deepEqual(queue.triggered, ['7-42']);
    const line = lines.map((text) => JSON.parse(text)).find(({ msg }) => msg === 'webhook taken');
    assert.deepEqual(
      { event: line.event, action: line.action, preview: line.preview, deliveryId: line.deliveryId },
      {
        event: 'pull_request',
        action: 'synchronize',
        preview: '7-42',
        deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      },
    );
  });

  it('A1 refuses a body of which one byte was changed', async () => {
    const body = pullRequestEvent();
    for (let at = 0; at < body.length; at += 7) {
      const bytes = Buffer.from(body);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const reply = await post(bytes, headersFor(body, 'pull_request'));
      assert.equal(reply.statusCode, 401);
    }
    assert.deepEqual(queue.triggered, []);
  });

  it('A2 refuses a signature that is missing, of SHA-1 only, malformed or of another length', async () => {
    const body = pullRequestEvent();
    const good = signatureOf(body);
    const sha1 = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
    const wrong = [
      undefined,
      '',
      sha1,
      sha1.replace('sha1', 'sha256'),
      good.replace('sha256=', ''),
      good.toUpperCase(),
      good.slice(0, -1),
      `${good}0`,
      `${good}, ${good}`,
      `sha256=${'z'.repeat(64)}`,
      `sha512=${good.slice(7)}`,
      signatureOf(body, 'another secret..'),
    ];
    for (const signature of wrong) {
      const reply = await post(
        body,
        headersFor(body, 'pull_request', { 'x-hub-signature-256': signature, 'x-hub-signature': sha1 }),
      );
      assert.equal(reply.statusCode, 401, `signature ${signature}`);
    }
    assert.deepEqual(queue.triggered, []);
  });

  it('A3 refuses the same JSON written in another way', async () => {
    const body = pullRequestEvent();
    const rewritten = JSON.stringify(JSON.parse(body), null, 2);
    assert.equal((await post(rewritten, headersFor(body, 'pull_request'))).statusCode, 401);
    assert.deepEqual(queue.triggered, []);
  });

  it('A4 takes the old and the new secret during a rotation, and only the new one afterwards', async () => {
    const body = pullRequestEvent();
    const signedBy = (by: string) => headersFor(body, 'pull_request', { 'x-hub-signature-256': signatureOf(body, by) });
    await app.close();
    app = build([secret, oldSecret]);
    assert.equal((await post(body, signedBy(secret))).statusCode, 202);
    assert.equal((await post(body, signedBy(oldSecret))).statusCode, 202);
    await app.close();
    app = build([secret]);
    assert.equal((await post(body, signedBy(secret))).statusCode, 202);
    assert.equal((await post(body, signedBy(oldSecret))).statusCode, 401);
  });

  it('A5 does not start with an empty, short or well-known secret', () => {
    const bad = [
      [],
      [''],
      ['   '],
      ['short'],
      ['development'],
      ['changeme-changeme'],
      ['My-Webhook-Secret'],
      ['0000000000000000'],
      [secret, ''],
    ];
    for (const secrets of bad) assert.throws(() => build(secrets), /webhook secret/, JSON.stringify(secrets));
  });

  it('A6 answers a body that is too large with 413, and does not keep it', async () => {
    const port = await listen();
    const declared = await send(port, { 'content-length': `${26 * mebibyte}` }, 26);
    assert.equal(declared.status, 413);
    assert.ok(declared.sentMiB < 10, `the server took ${declared.sentMiB} MiB of a body that it was told is too large`);
    const before = process.memoryUsage().rss;
    let most = before;
    for (let round = 0; round < 12; round += 1) {
      const endless = await send(port, { 'transfer-encoding': 'chunked' }, 400);
      assert.equal(endless.status, 413);
      assert.ok(endless.sentMiB < 100, `the server took ${endless.sentMiB} MiB`);
      most = Math.max(most, process.memoryUsage().rss);
    }
    // A fraction of what was taken, which is 25 MiB each time.
    assert.ok(most - before < 150 * mebibyte, `${Math.round((most - before) / mebibyte)} MiB more`);
    assert.deepEqual(queue.triggered, []);
  });

  it('A7 closes requests that only drip, and serves others meanwhile', async (test) => {
    await app.close();
    app = build([secret], { requestTimeoutMs: 4_000 });
    const port = await listen();
    const head = 'POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const drips = Array.from({ length: 40 }, (_, nth) => {
      const drip = connect(port, '127.0.0.1');
      // Somebody who still writes to a closed connection gets an error first.
      const closed = new Promise<void>((resolve) => drip.on('error', () => undefined).once('close', () => resolve()));
      drip.resume();
      // Half of them never come to the end of their head.
      drip.write(nth % 2 === 0 ? head : `${head}Content-Length: 1000\r\n\r\n`);
      const timer = setInterval(() => drip.write('x'), 100);
      test.after(() => {
        clearInterval(timer);
        drip.destroy();
      });
      return { closed, socket: drip };
    });
    const body = pullRequestEvent();
    assert.equal((await post(body, headersFor(body, 'pull_request'))).statusCode, 202);
    const open = drips.filter(({ socket }) => !socket.closed).length;
    assert.equal(open, drips.length, 'nobody was closed for the sake of the one that was served');
    await Promise.all(drips.map(({ closed }) => closed));
    assert.equal((await post(body, headersFor(body, 'pull_request'))).statusCode, 202);
    assert.deepEqual(queue.triggered, ['7-42', '7-42']);
  });

  it('A8 refuses other content types with 415', async () => {
    const form = `payload=${encodeURIComponent(pullRequestEvent())}`;
    const types = [
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/json-patch+json',
      'multipart/form-data',
      ';;;',
      '\u00ff',
    ];
    for (const type of types) {
      const reply = await post(form, headersFor(form, 'pull_request', { 'content-type': type }));
      assert.equal(reply.statusCode, 415, type);
    }
    const untyped = await post(form, headersFor(form, 'pull_request', { 'content-type': undefined }));
    assert.equal(untyped.statusCode, 415);
    assert.deepEqual(queue.triggered, []);
  });

  it('A8 takes JSON that names its character set', async () => {
    const body = pullRequestEvent();
    const reply = await post(
      body,
      headersFor(body, 'pull_request', { 'content-type': 'application/json; charset=utf-8' }),
    );
    assert.equal(reply.statusCode, 202);
  });

  it('A9 takes every example payload that GitHub publishes', async () => {
    let count = 0;
    for (const { name, examples: payloads } of webhookExamples) {
      for (const payload of payloads) {
        const body = JSON.stringify(payload);
        const reply = await post(body, headersFor(body, name));
        assert.equal(reply.statusCode, 202, `${name}: ${reply.body}`);
        count += 1;
      }
    }
    assert.ok(count > 200, `${count} examples`);
    assert.ok(queue.triggered.length > 0);
    assert.ok(everything > 0);
  });

  it('A9 takes pings, unknown events, unknown actions and odd payloads', async () => {
    const payloads = ['{}', '[]', 'null', '7', '"text"', '{"action":"no such action"}', '{"action":7,"repository":[]}'];
    for (const event of ['ping', 'pull_request', 'issue_comment', 'check_run', 'no such event', '__proto__']) {
      for (const body of payloads) {
        assert.equal((await post(body, headersFor(body, event))).statusCode, 202, `${event} ${body}`);
      }
    }
    assert.deepEqual(queue.triggered, []);
  });

  it('refuses what is signed and is not JSON, or has no event', async () => {
    for (const body of ['not JSON', '{"action":', '']) {
      const status = (await post(body, headersFor(body, 'pull_request'))).statusCode ?? 0;
      assert.ok(status >= 400 && status < 500, `${status} for ${body}`);
    }
    const body = pullRequestEvent();
    assert.equal((await post(body, headersFor(body, 'x', { 'x-github-event': undefined }))).statusCode, 400);
  });

  it('A11 answers 503 while triggers cannot be stored', async () => {
    const working = queue;
    queue = { ...working, trigger: () => Promise.reject(new Error('Redis is away')) };
    await app.close();
    app = build([secret]);
    const body = pullRequestEvent();
    const reply = await post(body, headersFor(body, 'pull_request'));
    assert.equal(reply.statusCode, 503);
    assert.equal(reply.headers['retry-after'], '10');
  });

  it('A14 ignores deliveries for another app, and says so in the log', async () => {
    const body = pullRequestEvent();
    assert.equal((await post(body, headersFor(body, 'pull_request', target('999')))).statusCode, 202);
    assert.deepEqual(queue.triggered, []);
    assert.ok(lines.some((line) => line.includes('webhook ignored: it is for another app')));
    assert.equal((await post(body, headersFor(body, 'pull_request', target('123')))).statusCode, 202);
    assert.deepEqual(queue.triggered, ['7-42']);
  });

  it('ignores deliveries about accounts that are not served', async () => {
    await app.close();
    app = build([secret], { accounts: ['acme'] });
    const about = (login: string) =>
      JSON.stringify({
        action: 'opened',
        repository: { id: login.length, owner: { login } },
        pull_request: { number: 1 },
      });
    const installed = (login: string) => JSON.stringify({ action: 'created', installation: { account: { login } } });
    for (const [body, event] of [
      [about('stranger'), 'pull_request'],
      [installed('stranger'), 'installation'],
    ] as const) {
      assert.equal((await post(body, headersFor(body, event))).statusCode, 202);
    }
    assert.deepEqual([queue.triggered, everything], [[], 0]);
    for (const [body, event] of [
      [about('Acme'), 'pull_request'],
      [installed('acme'), 'installation'],
      // One that says nothing of its account is a hint like any other.
      [pullRequestEvent(), 'pull_request'],
    ] as const) {
      await post(body, headersFor(body, event));
    }
    assert.deepEqual([queue.triggered, everything], [['4-1', '7-42'], 1]);
  });

  it('has nothing to say at other addresses', async () => {
    for (const [method, url] of [
      ['GET', '/'],
      ['GET', '/webhooks/github'],
      ['POST', '/healthz'],
      ['GET', '/.env'],
    ] as const) {
      const reply = await app.inject({ method, url });
      assert.equal(reply.statusCode, 404);
      assert.deepEqual(reply.json(), { error: 'not found' });
    }
  });
});

const target = (appId: string) => ({
  'x-github-hook-installation-target-type': 'integration',
  'x-github-hook-installation-target-id': appId,
});

/** Posts up to so many MiB of zeros, and stops when the server has answered or hung up. */
function send(port: number, headers: Record<string, string>, mebibytes: number) {
  return new Promise<{ readonly status: number | undefined; readonly sentMiB: number }>((resolve) => {
    const chunk = Buffer.alloc(mebibyte);
    let sentMiB = 0;
    let status: number | undefined;
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/webhooks/github',
      headers: { ...headersFor('', 'push'), ...headers },
    });
    request.on('response', (response) => {
      status = response.statusCode;
      response.resume();
      request.destroy();
    });
    // The server hangs up on us, which is what it should do.
    request.on('error', () => undefined);
    request.on('close', () => resolve({ status, sentMiB }));
    const more = (): void => {
      if (request.destroyed || sentMiB >= mebibytes) return;
      sentMiB += 1;
      request.write(chunk, () => setImmediate(more));
    };
    more();
  });
}
