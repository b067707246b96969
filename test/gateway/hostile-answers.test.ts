import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { describe, it } from 'node:test';
import { statusOf } from '../domain/status-sample.ts';
import { ask, host, namespace, previewDomain, previewNamespace, say, startGateway, textOf } from './harness.ts';
import { rawService } from './raw-service.ts';

const ok = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}Content-Length: 2\r\n\r\nok`;

describe("what a preview's answer cannot do", () => {
  it('set a cookie for the parent domain', async () => {
    await using gateway = await startGateway();
    await using _ = await rawService(
      gateway,
      ok(
        'Set-Cookie: a=1; Domain=preview.test; Path=/\r\nset-cookie: b=2;DOMAIN=.preview.test;domain="test"\r\n' +
          'SET-COOKIE: c="x; Domain=preview.test"\r\nSet-Cookie2: d=4; Domain=".preview.test"\r\nSet-Cookie: berth-x=1\r\nSet-Cookie: e=5\r\n',
      ),
    );
    const answer = await ask(gateway);
    assert.deepEqual(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2', 'c="x', 'e=5']);
    assert.equal(answer.headers['set-cookie2'], undefined);
  });

  it('set one with the answer to an upgrade', async () => {
    await using gateway = await startGateway();
    await using _ = await rawService(
      gateway,
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSet-Cookie: a=1; Domain=preview.test\r\nAlt-Svc: h2="evil.test:443"\r\n\r\n',
    );
    const socket = await say(
      gateway,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
    );
    const text = await textOf(socket as AsyncIterable<Buffer>);
    assert.match(text, /^HTTP\/1\.1 101 /);
    assert.match(text, /\r\nSet-Cookie: a=1\r\n/);
    assert.doesNotMatch(text, /domain|alt-svc/i);
  });

  it('set one in a trailer, or anything else that belongs before the body', async () => {
    await using gateway = await startGateway();
    await using _ = await rawService(
      gateway,
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1; Domain=preview.test\r\nAuthorization: x\r\nClear-Site-Data: "*"\r\nX-Sum: 1\r\n\r\n',
    );
    const answer = await ask(gateway);
    assert.equal(answer.body, 'ok');
    assert.deepEqual({ ...answer.trailers }, { 'x-sum': '1' });
  });

  it('set one with an answer before the answer', async () => {
    await using gateway = await startGateway();
    await using _ = await rawService(
      gateway,
      `HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=1; Domain=preview.test\r\nLink: </x>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\nSet-Cookie: b=1\r\n\r\n${ok('')}`,
    );
    const request = httpRequest({ host: '127.0.0.1', port: gateway.port, headers: { host }, agent: false });
    let informed = 0;
    request.on('information', () => (informed += 1)).end();
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { headers: object }];
    assert.equal(await textOf(response), 'ok');
    assert.equal(informed, 0);
    assert.equal('set-cookie' in response.headers, false);
  });

  it('switch to a protocol that nobody asked for', async () => {
    await using gateway = await startGateway();
    await using _ = await rawService(
      gateway,
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSet-Cookie: a=1; Domain=preview.test\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    );
    const answer = await ask(gateway);
    assert.equal(answer.status, 502);
    assert.equal(answer.headers['set-cookie'], undefined);
  });

  it('reach beyond its own host with other headers', async () => {
    await using gateway = await startGateway();
    const withheld = [
      'Strict-Transport-Security: max-age=1; includeSubDomains; preload',
      'Public-Key-Pins: pin-sha256="x"; includeSubDomains; max-age=1',
      'Public-Key-Pins-Report-Only: x',
      'Expect-CT: max-age=1',
      'Alt-Svc: h3="evil.test:443"',
      'NEL: {"report_to":"x","include_subdomains":true,"max_age":1}',
      'Report-To: {"group":"x"}',
      'Origin-Agent-Cluster: ?0',
      'X-Accel-Redirect: /internal',
      'X-Sendfile: /etc/passwd',
      'X-Reproxy-URL: http://169.254.169.254/',
      'X-Berth-Anything: 1',
    ];
    const kept = [
      'Access-Control-Allow-Origin: *',
      'Content-Security-Policy: default-src *',
      'Service-Worker-Allowed: /',
      'X-Accel-Buffering: no',
      'Cache-Control: max-age=60',
    ];
    await using _ = await rawService(gateway, ok(`${[...withheld, ...kept].join('\r\n')}\r\n`));
    const answer = await ask(gateway);
    for (const line of withheld)
      assert.equal(answer.headers[(line.split(':')[0] ?? '').toLowerCase()], undefined, line);
    for (const line of kept) {
      const [name = '', value = ''] = line.split(/: (.*)/);
      assert.equal(answer.headers[name.toLowerCase()], value);
    }
    assert.equal(answer.headers['x-robots-tag'], 'noindex');
  });

  const siteData = [
    ['"cookies"', undefined],
    ['"cache", "cookies", "storage"', '"cache", "storage"'],
    ['"*"', '"cache", "storage", "executionContexts"'],
    ['"clientHints"', undefined],
    ['"storage"', '"storage"'],
  ] as const;
  for (const [given, want] of siteData) {
    it(`clear more than its own data: ${given} becomes ${want ?? 'nothing'}`, async () => {
      await using gateway = await startGateway();
      await using _ = await rawService(gateway, ok(`Clear-Site-Data: ${given}\r\n`));
      assert.equal((await ask(gateway)).headers['clear-site-data'], want);
    });
  }

  const odd = [
    ['a control character in a header', ok('Set-Cookie: a=1; Do\u0001main=preview.test\r\n')],
    ['a folded header', ok('Set-Cookie: a=1;\r\n Domain=preview.test\r\n')],
    ['a bare line feed', 'HTTP/1.1 200 OK\nSet-Cookie: a=1; Domain=preview.test\nContent-Length: 2\n\nok'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', ok('Set-Cookie : a=1; Domain=preview.test\r\n')],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
  ] as const;
  for (const [name, answer] of odd) {
    it(`be read in two ways, by ${name}: 502`, async () => {
      await using gateway = await startGateway();
      await using _ = await rawService(gateway, answer);
      const { status, headers, body } = await ask(gateway);
      assert.equal(status, 502);
      assert.equal(headers['set-cookie'], undefined);
      assert.match(body, /not HTTP|does not answer/);
    });
  }

  it('reach the next visitor of a kept connection', async () => {
    await using gateway = await startGateway();
    const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned';
    await using service = await rawService(gateway, `${ok('')}${poison}`, { keep: true });
    assert.equal((await ask(gateway)).body, 'ok');
    // On a connection of its own, because the first had said more than was asked.
    assert.equal((await ask(gateway)).body, 'ok');
    assert.equal(service.connections(), 2);
  });
});

describe('a kept connection', () => {
  it('is never used for another preview, even at the same address', async () => {
    await using gateway = await startGateway();
    const seen: string[] = [];
    const server = await gateway.serve((request, response) => {
      seen.push(`${request.socket.remotePort}`);
      response.end();
    });
    server.keepAliveTimeout = 60_000;
    const other = 'pr-9-other-000000';
    const route = { name: 'web', service: 'web', port: 80, host: other, url: `https://${other}.${previewDomain}` };
    gateway.previews.set(other, previewNamespace({ name: other, routes: [route] }));
    await ask(gateway);
    await ask(gateway);
    await ask(gateway, { host: `${other}.${previewDomain}` });
    await ask(gateway);
    const [first, second, third, fourth] = seen;
    assert.equal(first, second);
    assert.notEqual(second, third);
    assert.equal(fourth, first);
  });
});

describe('our own pages', () => {
  it('allow nothing but their own style sheet, and keep browsers on HTTPS', async () => {
    await using gateway = await startGateway();
    gateway.statuses.set(namespace, statusOf());
    for (const accept of ['text/html', 'application/json']) {
      const { headers } = await ask(gateway, { headers: { accept } });
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers['strict-transport-security'], 'max-age=31536000');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.match(String(headers['permissions-policy']), /camera=\(\)/);
      assert.equal(headers['server'], undefined);
      assert.equal(headers['x-powered-by'], undefined);
      assert.equal(headers['set-cookie'], undefined);
    }
  });

  it('ask nobody to stay on HTTPS where there is none', async () => {
    await using gateway = await startGateway({ scheme: 'http' });
    assert.equal((await ask(gateway)).headers['strict-transport-security'], undefined);
  });
});
