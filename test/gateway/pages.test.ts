import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { Status } from '../../src/domain/status.ts';
import { healthHost } from '../../src/gateway/host.ts';
import { hostileText, newest, older, statusOf } from '../domain/status-sample.ts';
import { ask, host, namespace, previewDomain, previewNamespace, say, startGateway, textOf } from './harness.ts';

describe('pages while nothing is served', () => {
  const crash = {
    reason: 'ContainerCrashed',
    message: 'The container web exits with code 1.',
    log: ['starting', 'Error: no DATABASE_URL'],
  } as const;
  const rows: readonly {
    readonly name: string;
    readonly status: Partial<Status>;
    readonly code: number;
    readonly says: readonly RegExp[];
    readonly refreshes: boolean;
  }[] = [
    {
      name: 'building',
      status: { phase: 'Building' },
      code: 503,
      says: [/<h1>.*Building<\/h1>/, /Building web\./, /<code>api<\/code><span>built/],
      refreshes: true,
    },
    {
      name: 'deploying',
      status: { phase: 'Deploying', message: 'Waiting for web.' },
      code: 503,
      says: [/Starting/, /Waiting for web\./],
      refreshes: true,
    },
    {
      name: 'held',
      status: { phase: 'Held', message: 'A maintainer must approve.' },
      code: 503,
      says: [/Waiting for approval/, /A maintainer must approve\./],
      refreshes: true,
    },
    {
      name: 'failed',
      status: { phase: 'Failed', message: 'Failed.', diagnosis: crash },
      code: 502,
      says: [/This preview failed/, /exits with code 1/, /<pre>starting\nError: no DATABASE_URL<\/pre>/],
      refreshes: true,
    },
    {
      name: 'being removed',
      status: { phase: 'Removing', message: 'Closed.' },
      code: 404,
      says: [/Being removed/],
      refreshes: false,
    },
    {
      name: 'removed',
      status: { phase: 'Removed', revision: undefined, message: 'The pull request was closed.' },
      code: 404,
      says: [/Removed/, /was closed/],
      refreshes: false,
    },
  ];
  for (const { name, status, code, says, refreshes } of rows) {
    it(`${name}: ${code}, and says so`, async () => {
      await using gateway = await startGateway();
      gateway.statuses.set(namespace, statusOf(status));
      const answer = await ask(gateway, { headers: { accept: 'text/html,application/json;q=0.9' } });
      assert.equal(answer.status, code);
      for (const pattern of says) assert.match(answer.body, pattern);
      assert.match(answer.body, /href="https:\/\/github\.com\/acme\/shop\/pull\/42"/);
      assert.equal(answer.body.includes('http-equiv="refresh"'), refreshes);
      assert.equal(answer.headers['retry-after'] !== undefined, code === 503);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['x-robots-tag'], 'noindex');
      assert.match(String(answer.headers['content-security-policy']), /default-src 'none'/);
    });
  }

  it('E3 show what a stranger wrote as text', async () => {
    await using gateway = await startGateway();
    const diagnosis = {
      reason: 'BuildFailed',
      message: hostileText,
      log: [`</pre>${hostileText}`],
      places: [{ path: hostileText, line: 1, column: 1, message: hostileText }],
    } as const;
    const pullRequest = { url: 'javascript:alert(1)', title: `</footer>${hostileText}`, repository: hostileText };
    gateway.statuses.set(
      namespace,
      statusOf({ phase: 'Failed', diagnosis, pullRequest, images: [{ name: hostileText, state: 'failed' }] }),
    );
    const { body } = await ask(gateway);
    assert.doesNotMatch(body, /<img|href="javascript:|onerror=alert\(1\)>/);
    assert.equal(body.match(/<\/pre>/g)?.length, 1);
    assert.equal(body.match(/<\/footer>/g)?.length, 1);
    assert.ok(body.includes('&lt;img src=x onerror=alert(1)&gt;'));
  });

  it('are JSON for those who prefer that', async () => {
    await using gateway = await startGateway();
    gateway.statuses.set(namespace, statusOf({ phase: 'Failed', diagnosis: crash }));
    const answer = await ask(gateway, { headers: { accept: 'text/html;q=0.5, application/json' } });
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(answer.body), {
      state: 'Failed',
      message: crash.message,
      revision: newest,
      reason: 'ContainerCrashed',
      log: crash.log,
      pullRequest: 'https://github.com/acme/shop/pull/42',
      urls: statusOf().urls,
    });
  });

  it('have no body for HEAD', async () => {
    await using gateway = await startGateway();
    gateway.statuses.set(namespace, statusOf());
    const answer = await ask(gateway, { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.body], [503, '']);
    assert.ok(Number(answer.headers['content-length']) > 500);
  });

  it('come while the preview has been made and serves nothing yet, and while it goes', async () => {
    await using gateway = await startGateway();
    gateway.statuses.set(namespace, statusOf({ phase: 'Deploying' }));
    gateway.previews.set(namespace, previewNamespace({ routes: [] }));
    assert.equal((await ask(gateway)).status, 503);
    gateway.statuses.set(namespace, statusOf({ phase: 'Removing' }));
    gateway.previews.set(namespace, previewNamespace({ terminating: true }));
    assert.equal((await ask(gateway)).status, 404);
  });

  it('claim nothing when the status cannot be read', async () => {
    await using gateway = await startGateway({
      statuses: { status: () => Promise.reject(new Error('redis is down')) },
    });
    const answer = await ask(gateway);
    assert.equal(answer.status, 503);
    assert.match(answer.body, /cannot be read right now/);
    assert.equal(gateway.warnings.length, 1);
  });
});

describe('what is served', () => {
  it('stays served while an update is built', async () => {
    await using gateway = await startGateway();
    await gateway.serve((_request, response) => response.end('the older revision'));
    gateway.statuses.set(namespace, statusOf({ phase: 'Building', serving: older }));
    assert.equal((await ask(gateway)).body, 'the older revision');
  });

  it('stays served while the status cannot be read', async () => {
    await using gateway = await startGateway({
      statuses: { status: () => Promise.reject(new Error('redis is down')) },
    });
    await gateway.serve((_request, response) => response.end('served'));
    assert.equal((await ask(gateway)).body, 'served');
  });

  it('is chosen by the route in the host', async () => {
    await using gateway = await startGateway();
    const api = await gateway.serve((_request, response) => response.end('api'));
    await gateway.serve((_request, response) => response.end('web'));
    const route = { name: 'api', service: 'api', port: 9000, host: `api--${namespace}`, url: `https://api--${host}` };
    gateway.previews.set(namespace, previewNamespace({ routes: [...previewNamespace().routes, route] }));
    gateway.addresses.set('api:9000', { host: '127.0.0.1', port: (api.address() as AddressInfo).port });
    assert.equal((await ask(gateway, { host: `api--${host}` })).body, 'api');
    assert.equal((await ask(gateway)).body, 'web');
  });

  it('works below localhost', async () => {
    await using gateway = await startGateway({ previewDomain: 'localhost' });
    await gateway.serve((_request, response) => response.end('local'));
    assert.equal((await ask(gateway, { host: `${namespace}.localhost:8080` })).body, 'local');
  });
});

describe('a service that does not answer', () => {
  it('502 when nothing listens', async () => {
    await using gateway = await startGateway();
    gateway.serveAt(1);
    gateway.statuses.set(namespace, statusOf({ phase: 'Ready' }));
    const answer = await ask(gateway);
    assert.equal(answer.status, 502);
    assert.match(answer.body, /service &quot;web&quot; on port 80 refuses connections/);
  });

  it('503 with the phase while it is being deployed', async () => {
    await using gateway = await startGateway();
    gateway.serveAt(1);
    gateway.statuses.set(namespace, statusOf({ phase: 'Deploying', message: 'Waiting for web.' }));
    const answer = await ask(gateway);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
  });

  it('502 when the chart has no such service', async () => {
    await using gateway = await startGateway();
    gateway.previews.set(namespace, previewNamespace());
    const answer = await ask(gateway);
    assert.equal(answer.status, 502);
    assert.match(answer.body, /has no service &quot;web&quot; on port 80/);
  });

  it('502 when it hangs up, also for an upload', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request) => request.socket.destroy());
    assert.equal((await ask(gateway)).status, 502);
    assert.equal((await ask(gateway, { method: 'POST', body: 'x'.repeat(100_000) })).status, 502);
  });

  it('502 when it does not speak HTTP', async () => {
    await using gateway = await startGateway();
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    gateway.serveAt((server.address() as AddressInfo).port);
    const answer = await ask(gateway);
    server.close();
    assert.equal(answer.status, 502);
    assert.match(answer.body, /not HTTP/);
  });

  it('502 when it does not accept the connection in time', async () => {
    await using gateway = await startGateway({ connectTimeoutMs: 100 });
    gateway.previews.set(namespace, previewNamespace());
    // TEST-NET-1 (RFC 5737) answers nobody; a machine without a route to it says so at once.
    gateway.addresses.set('web:80', { host: '192.0.2.1', port: 80 });
    assert.equal((await ask(gateway)).status, 502);
  });
});

describe('hosts', () => {
  const rows = [
    { name: 'no preview of that name', host: `pr-9-other-000000.${previewDomain}`, code: 404 },
    { name: 'no route of that name', host: `nope--${namespace}.${previewDomain}`, code: 404 },
    { name: 'the preview domain itself', host: previewDomain, code: 404 },
    { name: 'two labels below it', host: `a.${namespace}.${previewDomain}`, code: 404 },
    { name: 'another domain', host: `${namespace}.evil.test`, code: 404 },
    { name: 'a domain that only ends alike', host: `${namespace}.not${previewDomain}`, code: 404 },
    { name: 'an address', host: '127.0.0.1:8080', code: 404 },
    { name: 'an IPv6 address', host: '[::1]:8080', code: 400 },
    { name: 'a path in it', host: `${namespace}.${previewDomain}/..`, code: 400 },
    { name: 'a user in it', host: `a@${namespace}.${previewDomain}`, code: 400 },
    { name: 'a route without a namespace', host: `web--.${previewDomain}`, code: 404 },
    { name: '300 characters', host: `${'a'.repeat(300)}.${previewDomain}`, code: 400 },
  ];
  for (const row of rows) {
    it(`${row.name}: ${row.code}, and nothing is reached`, async () => {
      await using gateway = await startGateway();
      let reached = 0;
      await gateway.serve((_request, response) => {
        reached += 1;
        response.end();
      });
      assert.equal((await ask(gateway, { host: row.host })).status, row.code);
      assert.equal(reached, 0);
    });
  }

  const raw = [
    { name: 'no Host', text: 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n' },
    { name: 'an empty Host', text: 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n' },
    { name: 'two Hosts', text: `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: evil.test\r\nConnection: close\r\n\r\n` },
    {
      name: 'a host in the target',
      text: `GET http://evil.test/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    },
  ];
  for (const { name, text } of raw) {
    it(`${name}: 400, and nothing is reached`, async () => {
      await using gateway = await startGateway();
      let reached = 0;
      await gateway.serve((_request, response) => {
        reached += 1;
        response.end();
      });
      const socket = await say(gateway, text);
      assert.match(await textOf(socket as AsyncIterable<Buffer>), /^HTTP\/1\.1 400 /);
      assert.equal(reached, 0);
    });
  }

  it('CONNECT leads nowhere', async () => {
    await using gateway = await startGateway();
    const socket = await say(gateway, `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal(await textOf(socket as AsyncIterable<Buffer>), '');
  });

  it('health is found under its own host only', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request, response) => response.end(`the preview's ${request.url}`));
    assert.deepEqual((await ask(gateway, { host: healthHost, path: '/healthz' })).body, 'ok\n');
    assert.equal((await ask(gateway, { host: healthHost, path: '/other' })).status, 404);
    assert.equal((await ask(gateway, { path: '/healthz' })).body, "the preview's /healthz");
    assert.equal((await ask(gateway, { host: '127.0.0.1', path: '/healthz' })).status, 404);
  });
});
