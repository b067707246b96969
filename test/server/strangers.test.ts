import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { trustedProxies } from '../../src/domain/client-address.ts';
import { logOptions } from '../../src/log.ts';
import { buildOperations } from '../../src/server/operations.ts';
import { buildServer, type ServerOptions } from '../../src/server/server.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type FakeQueue, fakeQueue } from '../fakes/queue.ts';
import { headersFor, pullRequestEvent, secret, signatureOf } from './delivery.ts';
import { exchange, say } from './exchange.ts';

const mebibyte = 1024 * 1024;
const forged = `sha256=${'0'.repeat(64)}`;

describe('what strangers get from the server', { timeout: 60_000 }, () => {
  let queue: FakeQueue;
  let app: FastifyInstance;
  let port: number;
  let lines: string[];

  const start = async (more: Partial<ServerOptions> = {}) => {
    lines = [];
    app = buildServer({
      secrets: [secret],
      queue,
      onEverything: () => undefined,
      checks: {},
      log: pino(logOptions({ level: 'debug', role: 'server' }), { write: (line) => void lines.push(line) }),
      ...more,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    port = (app.server.address() as AddressInfo).port;
  };

  beforeEach(() => {
    queue = fakeQueue(fakeClock());
  });
  afterEach(() => app.close());

  const requests = [
    { name: 'an unknown path', bytes: 'GET /.git/config HTTP/1.1', status: 404 },
    { name: 'an unknown method', bytes: 'DELETE /webhooks/github HTTP/1.1', status: 404 },
    { name: 'a method of WebDAV', bytes: 'PROPFIND / HTTP/1.1', status: 404 },
    { name: 'no method at all', bytes: 'BREW / HTTP/1.1', status: 400 },
    { name: 'a path that cannot be decoded', bytes: 'GET /%zz HTTP/1.1', status: 400 },
    { name: 'a version constraint', bytes: 'GET /healthz HTTP/1.1\r\nAccept-Version: 7.x', status: 200 },
    { name: 'a path of 8 kB', bytes: `GET /${'a'.repeat(8_000)} HTTP/1.1`, status: 404 },
    { name: 'a head of 32 kB', bytes: `GET / HTTP/1.1\r\nX-Long: ${'a'.repeat(32_000)}`, status: 431 },
    { name: 'another protocol', bytes: 'SSH-2.0-OpenSSH_9.9', status: 400 },
    {
      name: 'an ambiguous length',
      bytes: 'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
      status: 400,
    },
    { name: 'a folded header', bytes: 'GET / HTTP/1.1\r\nX-A: 1\r\n folded', status: 400 },
  ];
  for (const { name, bytes, status } of requests) {
    it(`${name}: ${status}, and no word about what this is made with`, async () => {
      await start();
      const answer = await say(port, `${bytes}\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.ok(answer.length < 600, `${answer.length} bytes`);
      assert.doesNotMatch(answer, /fastify|FST_|node|express|x-powered-by|server:|at .*\.(js|ts):|"message"|\/work\//i);
    });
  }

  it('every answer keeps browsers from guessing, keeping, framing and embedding it', async () => {
    await start();
    const operations = buildOperations({
      checks: {},
      metrics: { contentType: 'text/plain', text: async () => 'x' },
      log: pino({ level: 'silent' }),
    });
    const replies = await Promise.all([
      app.inject('/healthz'),
      app.inject('/nothing'),
      app.inject('/%zz'),
      app.inject({ method: 'POST', url: '/webhooks/github', payload: {} }),
      operations.inject('/metrics'),
      operations.inject('/nothing'),
    ]);
    for (const { headers } of replies) {
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
    }
    await operations.close();
  });

  it('refuses by the headers alone, before the body is there', async () => {
    await start();
    const good = headersFor('', 'push', { 'x-hub-signature-256': forged });
    const rows = [
      { change: { 'x-hub-signature-256': 'sha1=00' }, status: 401 },
      { change: { 'x-hub-signature-256': undefined }, status: 401 },
      { change: { 'x-github-event': undefined }, status: 400 },
      { change: { 'x-github-delivery': undefined }, status: 400 },
      { change: { 'x-github-event': 'a'.repeat(101) }, status: 400 },
      { change: { 'content-type': 'text/plain' }, status: 415 },
      { change: { 'content-encoding': 'gzip' }, status: 415 },
      { change: { 'content-length': `${26 * mebibyte}` }, status: 413 },
    ];
    for (const { change, status } of rows) {
      const headers = Object.entries({ ...good, 'content-length': '1000', ...change })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}: ${value}\r\n`);
      const socket = connect(port, '127.0.0.1');
      socket.write(`POST /webhooks/github HTTP/1.1\r\nHost: x\r\n${headers.join('')}\r\n`);
      const [first] = (await once(socket, 'data')) as [Buffer];
      assert.match(first.toString(), new RegExp(`^HTTP/1\\.1 ${status} `), JSON.stringify(change));
      socket.destroy();
    }
  });

  it('is told to wait after many refusals, while GitHub is served at the same address', async () => {
    await start({ refusalsPerMinute: 10 });
    const body = pullRequestEvent();
    const bad = () => exchange(port, body, headersFor(body, 'pull_request', { 'x-hub-signature-256': forged }));
    for (let count = 0; count < 10; count += 1) assert.equal((await bad()).statusCode, 401);
    const refused = await bad();
    assert.equal(refused.statusCode, 429);
    const seconds = Number(refused.headers['retry-after']);
    assert.ok(seconds > 0 && seconds <= 60, `${seconds} s`);
    for (let count = 0; count < 100; count += 1) await bad();
    assert.equal((await exchange(port, body, headersFor(body, 'pull_request'))).statusCode, 202);
    assert.deepEqual(queue.triggered, ['7-42']);
    assert.equal(lines.filter((line) => line.includes('refused')).length, 11, 'the log is not for strangers to fill');
  });

  it('takes the word of trusted proxies only about who sends', async () => {
    const body = pullRequestEvent();
    const badFrom = async (address: string) =>
      (await exchange(port, body, headersFor(body, 'x', { 'x-hub-signature-256': forged, 'x-forwarded-for': address })))
        .statusCode;
    await start({ refusalsPerMinute: 1, trusted: trustedProxies(['127.0.0.1']) });
    assert.deepEqual(
      [await badFrom('192.0.2.1'), await badFrom('192.0.2.2'), await badFrom('192.0.2.1')],
      [401, 401, 429],
    );
    await app.close();
    await start({ refusalsPerMinute: 1 });
    assert.deepEqual([await badFrom('192.0.2.1'), await badFrom('192.0.2.2')], [401, 429]);
  });

  it('A6 a flood of bodies side by side leaves memory flat, and signed deliveries come through', async () => {
    await start({ refusalsPerMinute: 0 });
    const size = 256 * 1024;
    const chunk = Buffer.concat([
      Buffer.from(`${size.toString(16)}\r\n`),
      Buffer.alloc(size, 'x'),
      Buffer.from('\r\n'),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let sentBytes = 0;
    // Each sends 24 MiB as fast as it can and never ends, most without a word of how much it will be; those that are refused
    // begin again.
    const over = new AbortController();
    const attack = async (_: unknown, nth: number): Promise<void> => {
      const framing = nth % 5 === 0 ? `Content-Length: ${25 * mebibyte}` : 'Transfer-Encoding: chunked';
      while (!over.signal.aborted) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        const answered = new AbortController();
        socket.once('data', () => answered.abort());
        socket.write(
          `POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\n` +
            `X-GitHub-Delivery: 1\r\nX-Hub-Signature-256: ${forged}\r\n${framing}\r\n\r\n`,
        );
        for (let part = 0; part < 96 && !socket.destroyed; part += 1) {
          if (over.signal.aborted || answered.signal.aborted) break;
          sentBytes += chunk.length;
          if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => undefined), closed]);
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        }
        socket.destroy();
        await closed;
      }
    };
    const attackers = Array.from({ length: 30 }, attack);
    const body = JSON.stringify({ ...JSON.parse(pullRequestEvent()), padding: 'x'.repeat(100_000) });
    const statuses: (number | undefined)[] = [];
    const isFlooded = () => sentBytes > 600 * mebibyte;
    while (!isFlooded()) {
      statuses.push((await exchange(port, body, headersFor(body, 'pull_request'))).statusCode);
    }
    over.abort();
    await Promise.all(attackers);
    assert.deepEqual(new Set(statuses), new Set([202]));
    assert.ok(statuses.length > 3, `${statuses.length} deliveries`);
    // The budget is 64 MiB; what was given up waits for the garbage collector. 30 bodies of 25 MiB are 750.
    assert.ok(most < 200 * mebibyte, `${Math.round(most / mebibyte)} MiB were held`);
    const large = JSON.stringify({ ...JSON.parse(pullRequestEvent(43)), padding: 'x'.repeat(20 * mebibyte) });
    const sendLarge = async () => {
      const answer = exchange(port, large, headersFor(large, 'pull_request'));
      return (await answer.catch(() => undefined))?.statusCode;
    };
    // Refused until the server has seen that the others are gone.
    const deadline = AbortSignal.timeout(20_000);
    while ((await sendLarge()) !== 202) deadline.throwIfAborted();
  });

  it('refuses a large body early when there is no room, with the time to come back', async () => {
    await start({ budget: { totalBytes: 2 * mebibyte, smallBytes: 64 * 1024 } });
    const socket = connect(port, '127.0.0.1');
    const head = headersFor('', 'push', {
      'x-hub-signature-256': signatureOf('other'),
      'content-length': `${3 * mebibyte}`,
    });
    socket.write(
      `POST /webhooks/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${Object.entries(head)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`,
    );
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /\r\nretry-after: 10\r\n/i);
  });
});
