import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { trustedProxies } from '../../src/domain/client-address.ts';
import { ask, host, namespace, previewDomain, say, startGateway, textOf } from './harness.ts';
import { rawService } from './raw-service.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

/** What the gateway answers to these bytes, and what of them reaches the preview. */
async function pass(bytes: string, options: Parameters<typeof startGateway>[0] = {}) {
  await using gateway = await startGateway({ clientTimeoutMs: 1_000, ...options });
  await using service = await rawService(gateway, ok);
  const socket = await say(gateway, '');
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  const answer = await textOf(socket as AsyncIterable<Buffer>);
  return { answer, received: service.received() };
}

const get = (headers: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`;

describe('claims about where a request comes from', () => {
  const spellings = [
    'X-Forwarded-For: 6.6.6.6',
    'x-forwarded-for: 6.6.6.6',
    'X_Forwarded_For: 6.6.6.6',
    'X-Forwarded_For: 6.6.6.6',
    'X.Forwarded.For: 6.6.6.6',
    'X-Forwarded: for=6.6.6.6',
    'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6',
    'X-Original-Forwarded-For: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'X-Real-IP: 6.6.6.6',
    'X-Real_IP: 6.6.6.6',
    'Client-IP: 6.6.6.6',
    'True-Client-IP: 6.6.6.6',
    'CF-Connecting-IP: 6.6.6.6',
    'X-Cluster-Client-IP: 6.6.6.6',
    'X-Forwarded-Host: 6.6.6.6',
    'X-Forwarded-Access-Token: 6.6.6.6',
    'X-Auth-Request-User: 6.6.6.6',
    'X-Original-URL: /6.6.6.6',
    'X-Rewrite-URL: /6.6.6.6',
    'X-HTTP-Host-Override: 6.6.6.6',
    'Proxy: http://6.6.6.6',
    'X-Berth-User: 6.6.6.6',
    'Cookie: berth-login=6.6.6.6',
  ];
  for (const spelling of spellings) {
    it(`${JSON.stringify(spelling)} does not reach the preview`, async () => {
      const { received } = await pass(get(`${spelling}\r\n`));
      assert.doesNotMatch(received, /6\.6\.6\.6/);
      assert.equal(received.match(/^X-Forwarded-For: 127\.0\.0\.1\r$/gm)?.length, 1);
    });
  }

  it('what the gateway says is not taken back by naming it in Connection', async () => {
    const named = 'X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Host, Content-Length, Transfer-Encoding';
    const { received } = await pass(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: close, ${named}\r\nContent-Length: 4\r\n\r\nbody`,
    );
    assert.match(received, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
    assert.match(received, new RegExp(`\\r\\nHost: ${host}\\r\\n`));
    assert.match(received, /\r\nContent-Length: 4\r\n/);
    assert.match(received, /\r\n\r\nbody$/);
  });

  it('count when a trusted proxy makes them, as far as it has written them', async () => {
    const trusted = trustedProxies(['127.0.0.0/8', '10.0.0.0/8']);
    const { received } = await pass(get('X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.1\r\n'), { trusted });
    assert.match(received, /\r\nX-Forwarded-For: 203\.0\.113\.9, 10\.0\.0\.1, 127\.0\.0\.1\r\n/);
    assert.doesNotMatch(received, /6\.6\.6\.6/);
  });

  it('are not believed in trailers either', async () => {
    const { received } = await pass(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n` +
        'X-Forwarded-For: 6.6.6.6\r\nAuthorization: x\r\nCookie: a=6.6.6.6\r\nHost: 6.6.6.6\r\nX-Sum: 1\r\n\r\n',
    );
    assert.doesNotMatch(received, /6\.6\.6\.6|authorization/i);
    assert.match(received, /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  });
});

describe('requests that can be read in two ways', () => {
  const smuggled = `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const head = `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
  const rows = [
    {
      name: 'length and chunks',
      bytes: `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    {
      name: 'chunks and length',
      bytes: `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    { name: 'two lengths', bytes: `${head}Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}` },
    { name: 'a list of lengths', bytes: `${head}Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}` },
    { name: 'a signed length', bytes: `${head}Content-Length: +4\r\n\r\nbody` },
    { name: 'a length in hex', bytes: `${head}Content-Length: 0x4\r\n\r\nbody` },
    {
      name: 'chunks that are not last',
      bytes: `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    {
      name: 'chunks twice',
      bytes: `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    {
      name: 'an encoding with a vertical tab',
      bytes: `${head}Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    { name: 'a space before the colon', bytes: `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'a folded header', bytes: `${head}X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n${smuggled}` },
    { name: 'bare line feeds', bytes: `${head}X-A: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'a bare carriage return', bytes: `${head}X-A: 1\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'a null', bytes: `${head}X-A: 1\u0000\r\n\r\n` },
    { name: 'a chunk with a bare line feed', bytes: `${head}Transfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n` },
    { name: 'a chunk of a negative size', bytes: `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\nhi\r\n0\r\n\r\n` },
    {
      name: 'a chunk longer than it says',
      bytes: `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n0\r\n\r\n${smuggled}`,
    },
    { name: 'no version', bytes: `GET /\r\nHost: ${host}\r\n\r\n` },
    { name: 'a version of its own', bytes: `GET / HTTP/3.7\r\nHost: ${host}\r\n\r\n` },
    { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  ];
  for (const { name, bytes } of rows) {
    it(`${name}: never two requests, never a second meaning`, async () => {
      const { answer, received } = await pass(bytes);
      assert.match(answer, /^HTTP\/1\.1 (400|502)/);
      assert.doesNotMatch(received, /smuggled/);
      assert.doesNotMatch(answer, /^HTTP\/1\.1 200/m);
    });
  }

  it('a chunked body arrives as chunks of the gateway and nothing more', async () => {
    const { answer, received } = await pass(
      `${head}Transfer-Encoding: chunked\r\nTransfer_Encoding: identity\r\nContent_Length: 99\r\n\r\n2;ext=1\r\nhi\r\n0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.match(received, /\r\nTransfer-Encoding: chunked\r\n/);
    assert.doesNotMatch(received, /identity|99|ext/);
    assert.match(received, /\r\n\r\n2\r\nhi\r\n0\r\n\r\n$/);
  });

  it('the strict parser is used even when Node is told otherwise', async () => {
    await using gateway = await startGateway();
    const { insecureHTTPParser } = gateway.server as unknown as { readonly insecureHTTPParser?: boolean };
    assert.equal(insecureHTTPParser, false);
  });
});

describe('requests that ask for something else', () => {
  const rows = [
    { name: 'an absolute target', bytes: `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n`, status: 400 },
    {
      name: 'another host in the target',
      bytes: `GET http://169.254.169.254/ HTTP/1.1\r\nHost: ${host}\r\n`,
      status: 400,
    },
    { name: 'an authority as the target', bytes: `GET ${host}:80 HTTP/1.1\r\nHost: ${host}\r\n`, status: 400 },
    { name: 'an asterisk with GET', bytes: `GET * HTTP/1.1\r\nHost: ${host}\r\n`, status: 400 },
    { name: 'a null in the target', bytes: `GET /\u0000 HTTP/1.1\r\nHost: ${host}\r\n`, status: 400 },
    { name: 'raw bytes in the target', bytes: `GET /\u00e9 HTTP/1.1\r\nHost: ${host}\r\n`, status: 400 },
    { name: 'two hosts', bytes: `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: kubernetes.default\r\n`, status: 400 },
    { name: 'two hosts in one', bytes: `GET / HTTP/1.1\r\nHost: ${host}, kubernetes.default\r\n`, status: 400 },
    { name: 'a user before the host', bytes: `GET / HTTP/1.1\r\nHost: a:b@${host}\r\n`, status: 400 },
    { name: 'a host with two ports', bytes: `GET / HTTP/1.1\r\nHost: ${host}:80:80\r\n`, status: 400 },
    { name: 'a host with a path', bytes: `GET / HTTP/1.1\r\nHost: ${host}/..\r\n`, status: 400 },
    { name: 'a host with a fragment', bytes: `GET / HTTP/1.1\r\nHost: ${host}#\r\n`, status: 400 },
    { name: 'a host with two trailing dots', bytes: `GET / HTTP/1.1\r\nHost: ${host}..\r\n`, status: 404 },
    {
      name: 'a host with an underscore',
      bytes: `GET / HTTP/1.1\r\nHost: ${namespace}_.${previewDomain}\r\n`,
      status: 400,
    },
    { name: 'a percent-encoded host', bytes: `GET / HTTP/1.1\r\nHost: %70r-42.${previewDomain}\r\n`, status: 400 },
    {
      name: 'a host that is not ASCII',
      bytes: `GET / HTTP/1.1\r\nHost: pr-42\u00b7.${previewDomain}\r\n`,
      status: 400,
    },
    { name: 'the address of metadata', bytes: 'GET / HTTP/1.1\r\nHost: 169.254.169.254\r\n', status: 404 },
    { name: 'an IPv6 address', bytes: 'GET / HTTP/1.1\r\nHost: [::1]\r\n', status: 400 },
    { name: 'the API server', bytes: 'GET / HTTP/1.1\r\nHost: kubernetes.default.svc\r\n', status: 404 },
    {
      name: "another preview's service",
      bytes: `GET / HTTP/1.1\r\nHost: web.${namespace}.svc.cluster.local\r\n`,
      status: 404,
    },
    {
      name: 'a host in a header of proxies',
      bytes: `GET / HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-Host: ${host}\r\n`,
      status: 404,
    },
    { name: 'a host by the name of HTTP/2', bytes: `GET / HTTP/1.1\r\n:authority: ${host}\r\n`, status: 400 },
    {
      name: 'three hundred headers',
      bytes: `GET / HTTP/1.1\r\nHost: ${host}\r\n${'A: 1\r\n'.repeat(300)}`,
      status: 431,
    },
    {
      name: 'a host behind 2,500 headers',
      bytes: `GET / HTTP/1.1\r\n${'a:\r\n'.repeat(2_500)}Host: ${host}\r\n`,
      status: 431,
    },
    { name: 'headers of 32 kB', bytes: `GET / HTTP/1.1\r\nHost: ${host}\r\nA: ${'1'.repeat(32_000)}\r\n`, status: 431 },
  ];
  for (const { name, bytes, status } of rows) {
    it(`${name}: ${status}, and nothing is reached`, async () => {
      const { answer, received } = await pass(`${bytes}Connection: close\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(received, '');
    });
  }

  it('a path with two slashes stays a path', async () => {
    const { received } = await pass(
      `GET //169.254.169.254/latest HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(received, /^GET \/\/169\.254\.169\.254\/latest HTTP\/1\.1\r\n/);
    assert.match(received, new RegExp(`\\r\\nHost: ${host}\\r\\n`));
  });

  it('HTTP/2 without TLS, wherever it is in the list of upgrades, is not passed on', async () => {
    const { received } = await pass(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade, close\r\nUpgrade: websocket, h2c\r\n\r\n`,
    );
    assert.doesNotMatch(received, /h2c/);
  });

  it('an upgrade with a body is refused', async () => {
    for (const framing of [`Content-Length: 5`, 'Transfer-Encoding: chunked']) {
      const { answer, received } = await pass(
        `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${framing}\r\n\r\n0\r\n\r\nGET /smuggled`,
      );
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.equal(received, '');
    }
  });

  it('bytes after a declined upgrade are no request', async () => {
    const { answer, received } = await pass(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
    assert.doesNotMatch(received, /smuggled/);
  });

  it('the Origin of a WebSocket arrives as it is, for the preview to judge', async () => {
    const { received } = await pass(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.test\r\n\r\n`,
    );
    assert.match(received, /\r\nOrigin: https:\/\/evil\.test\r\n/);
  });
});

describe('limits of one address', () => {
  it('too many requests: 429 with the time to wait, for others not', async () => {
    const trusted = trustedProxies(['127.0.0.1']);
    await using gateway = await startGateway({
      trusted,
      limits: { requestsPerSecond: 1, pagesPerSecond: 0, connections: 0 },
    });
    await gateway.serve((_request, response) => response.end('served'));
    const from = (address: string) => ask(gateway, { headers: { 'x-forwarded-for': address } });
    for (let count = 0; count < 10; count += 1) assert.equal((await from('192.0.2.1')).status, 200);
    const refused = await from('192.0.2.1');
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal((await from('192.0.2.2')).status, 200);
    assert.equal(
      (
        await ask(gateway, {
          host: 'berth-gateway.internal',
          path: '/healthz',
          headers: { 'x-forwarded-for': '192.0.2.1' },
        })
      ).status,
      200,
    );
    assert.equal(gateway.warnings.length, 1);
  });

  it('too many pages: 429 without a look at the status, and previews go on', async () => {
    let looks = 0;
    await using gateway = await startGateway({
      limits: { requestsPerSecond: 0, pagesPerSecond: 1, connections: 0 },
      statuses: {
        status: async () => {
          looks += 1;
          return undefined;
        },
      },
    });
    await gateway.serve((_request, response) => response.end('served'));
    const missing = () =>
      ask(gateway, { host: `pr-9-other-000000.${previewDomain}`, headers: { accept: 'application/json' } });
    for (let count = 0; count < 10; count += 1) assert.equal((await missing()).status, 404);
    const refused = await missing();
    assert.equal(refused.status, 429);
    assert.equal(JSON.parse(refused.body).state, 'TooManyRequests');
    assert.equal(looks, 10);
    assert.equal((await ask(gateway)).body, 'served');
  });

  it('too many connections: 429 at once, and room again when one has gone', async () => {
    await using gateway = await startGateway({ limits: { requestsPerSecond: 0, pagesPerSecond: 0, connections: 2 } });
    await gateway.serve((_request, response) => response.end('served'));
    const first = await say(gateway, '');
    const second = await say(gateway, '');
    const third = await say(gateway, '');
    assert.match(await textOf(third as AsyncIterable<Buffer>), /^HTTP\/1\.1 429 .*\r\nRetry-After: 10\r\n/);
    first.destroy();
    await once(first, 'close');
    const isServed = async () => (await ask(gateway).catch(() => undefined))?.status === 200;
    const deadline = AbortSignal.timeout(5_000);
    while (!(await isServed())) deadline.throwIfAborted();
    second.destroy();
  });

  it('none when they are switched off', async () => {
    await using gateway = await startGateway({ limits: { requestsPerSecond: 0, pagesPerSecond: 0, connections: 0 } });
    for (let count = 0; count < 50; count += 1) assert.equal((await ask(gateway)).status, 404);
  });
});
