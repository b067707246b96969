import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, type Harness, host, say, startGateway, textOf } from './harness.ts';

/** Starts a request and gives its answer as soon as the headers are there. */
async function begin(
  harness: Harness,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
  write?: (request: ReturnType<typeof httpRequest>) => void,
): Promise<{ readonly request: ReturnType<typeof httpRequest>; readonly response: IncomingMessage }> {
  const request = httpRequest({
    agent: false,
    host: '127.0.0.1',
    port: harness.port,
    method: options.method,
    headers: { host, ...options.headers },
  });
  if (write) write(request);
  else request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { request, response };
}

describe('passing requests on', () => {
  it('streams an answer while it is being made', async () => {
    await using gateway = await startGateway();
    const finish = Promise.withResolvers<void>();
    await gateway.serve(async (_request, response) => {
      response.write('first');
      await finish.promise;
      response.end('last');
    });
    const { response } = await begin(gateway);
    const [first] = (await once(response, 'data')) as [Buffer];
    assert.equal(first.toString(), 'first');
    finish.resolve();
    assert.equal(await textOf(response), 'last');
  });

  it('reaches a service that refuses connections for a moment after it has become ready', async () => {
    await using gateway = await startGateway();
    const server = await gateway.serve((_request, response) => void response.end('here'));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const asked = ask(gateway);
    // In half a second the gateway has been refused more than once.
    await delay(500);
    server.listen(port, '127.0.0.1');
    const { status, body } = await asked;
    assert.deepEqual({ status, body }, { status: 200, body: 'here' });
  });

  it('keeps an upload for a service that refuses connections for a moment', async () => {
    await using gateway = await startGateway();
    const server = await gateway.serve(async (request, response) => {
      response.end(`got ${await textOf(request as AsyncIterable<Buffer>)}`);
    });
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const asked = ask(gateway, { method: 'POST', body: 'data' });
    await delay(500);
    server.listen(port, '127.0.0.1');
    const { status, body } = await asked;
    assert.deepEqual({ status, body }, { status: 200, body: 'got data' });
  });

  for (const { when, meet } of [
    { when: 'without a word', meet: (response: ServerResponse) => response.destroy() },
    {
      when: 'after the head of its answer',
      meet(response: ServerResponse) {
        response.writeHead(200, { 'content-length': '5' });
        response.flushHeaders();
        setImmediate(() => response.destroy());
      },
    },
  ]) {
    it(`asks again when a service ends ${when}`, async () => {
      await using gateway = await startGateway();
      let requests = 0;
      await gateway.serve((_request, response) => {
        requests += 1;
        if (requests < 3) meet(response);
        else response.end('here');
      });
      const { status, body } = await ask(gateway);
      assert.deepEqual({ status, body, requests }, { status: 200, body: 'here', requests: 3 });
    });

    it(`does not do twice what may change something, when a service ends ${when}`, async () => {
      await using gateway = await startGateway();
      const methods: (string | undefined)[] = [];
      const upstream = await gateway.serve((request, response) => {
        methods.push(request.method);
        if (request.method === 'GET') response.end();
        else meet(response);
      });
      upstream.keepAliveTimeout = 60_000;
      // There is a kept connection now.
      await ask(gateway);
      for (const method of ['POST', 'DELETE']) assert.equal((await ask(gateway, { method })).status, 502);
      assert.deepEqual(methods, ['GET', 'POST', 'DELETE']);
    });
  }

  it('does not take a service down again and again', async () => {
    await using gateway = await startGateway();
    let requests = 0;
    await gateway.serve((_request, response) => {
      requests += 1;
      response.destroy();
    });
    assert.equal((await ask(gateway)).status, 502);
    assert.equal(requests, 4);
  });

  it('passes the head of an answer on before there is any body', async () => {
    await using gateway = await startGateway();
    await gateway.serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    });
    const { request, response } = await begin(gateway);
    assert.equal(response.headers['content-type'], 'text/event-stream');
    request.destroy();
  });

  it('streams a large upload without keeping it', async () => {
    await using gateway = await startGateway();
    await gateway.serve(async (request, response) => {
      let sizeBytes = 0;
      for await (const chunk of request) sizeBytes += (chunk as Buffer).length;
      response.end(String(sizeBytes));
    });
    const chunk = Buffer.alloc(1024 * 1024, 1);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const { response } = await begin(
      gateway,
      { method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
      (request) => {
        void (async () => {
          for (let count = 0; count < 100; count += 1) {
            if (!request.write(chunk)) await once(request, 'drain');
            most = Math.max(most, process.memoryUsage().arrayBuffers - before);
          }
          request.end();
        })();
      },
    );
    assert.equal(await textOf(response), String(100 * 1024 * 1024));
    assert.ok(most < 60 * 1024 * 1024, `held ${most} bytes`);
  });

  it('hands method, path, query, host and body over unchanged', async () => {
    await using gateway = await startGateway();
    await gateway.serve(async (request, response) => {
      const body = await textOf(request as AsyncIterable<Buffer>);
      response.end(JSON.stringify({ method: request.method, url: request.url, host: request.headers.host, body }));
    });
    const requested = `${host.toUpperCase()}.:8443`;
    const answer = await ask(gateway, { method: 'PUT', path: '/a%2Fb?c=d', host: requested, body: 'hello' });
    assert.deepEqual(JSON.parse(answer.body), { method: 'PUT', url: '/a%2Fb?c=d', host: requested, body: 'hello' });
  });

  it('says where a request comes from, and lets no client say it', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request, response) => response.end(JSON.stringify(request.headers)));
    const answer = await ask(gateway, {
      headers: {
        'x-forwarded-for': '1.2.3.4',
        'X-Forwarded-Proto': 'gopher',
        'x-forwarded-host': 'evil.test',
        forwarded: 'for=1.2.3.4',
        'x-real-ip': '1.2.3.4',
        'x-own': 'kept',
      },
    });
    const seen = JSON.parse(answer.body) as Record<string, string>;
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-forwarded-proto'], 'https');
    assert.equal(seen['x-forwarded-host'], host);
    assert.equal(seen['forwarded'], undefined);
    assert.equal(seen['x-real-ip'], undefined);
    assert.equal(seen['x-own'], 'kept');
  });

  it('keeps headers between two neighbours between them', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request, response) => {
      response.writeHead(200, [
        'Connection',
        'X-Hop',
        'X-Hop',
        '1',
        'Keep-Alive',
        'timeout=99',
        'X-End',
        '1',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
      ]);
      response.end(JSON.stringify(request.headers));
    });
    const answer = await ask(gateway, {
      headers: { connection: 'close, X-Secret, Host', 'x-secret': '1', te: 'gzip', 'proxy-authorization': 'x' },
    });
    const seen = JSON.parse(answer.body) as Record<string, string>;
    assert.deepEqual(
      [seen['x-secret'], seen['te'], seen['proxy-authorization'], seen['host']],
      [undefined, undefined, undefined, host],
    );
    assert.deepEqual([answer.headers['x-hop'], answer.headers['x-end']], [undefined, '1']);
    assert.notEqual(answer.headers['keep-alive'], 'timeout=99');
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  });

  it('passes trailers both ways', async () => {
    await using gateway = await startGateway();
    await gateway.serve(async (request, response) => {
      await textOf(request as AsyncIterable<Buffer>);
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': `${request.trailers['x-checksum'] as string}!` });
      response.end();
    });
    const { response } = await begin(
      gateway,
      { method: 'POST', headers: { trailer: 'x-checksum', 'transfer-encoding': 'chunked' } },
      (request) => {
        request.write('data');
        request.addTrailers({ 'x-checksum': '17' });
        request.end();
      },
    );
    await textOf(response);
    assert.equal(response.trailers['x-sum'], '17!');
  });

  it('answers HEAD with the headers and no body', async () => {
    await using gateway = await startGateway();
    await gateway.serve((_request, response) => response.writeHead(200, { 'content-length': '5' }).end());
    const answer = await ask(gateway, { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.headers['content-length'], answer.body], [200, '5', '']);
  });

  it('passes "100 Continue" on before the body is sent', async () => {
    await using gateway = await startGateway();
    const upstream = await gateway.serve(() => undefined);
    upstream.on('checkContinue', (request: IncomingMessage, response) => {
      response.writeContinue();
      void textOf(request as AsyncIterable<Buffer>).then((body) => response.end(`got ${body}`));
    });
    const { response } = await begin(
      gateway,
      { method: 'POST', headers: { expect: '100-continue', 'content-length': '4' } },
      (request) => {
        request.flushHeaders();
        request.once('continue', () => request.end('data'));
      },
    );
    assert.equal(await textOf(response), 'got data');
  });

  it('passes a refusal on instead of "100 Continue"', async () => {
    await using gateway = await startGateway();
    const upstream = await gateway.serve(() => undefined);
    upstream.on('checkContinue', (_request, response) => response.writeHead(413).end('too large'));
    const { request, response } = await begin(
      gateway,
      { method: 'POST', headers: { expect: '100-continue', 'content-length': '4' } },
      (request) => request.flushHeaders(),
    );
    assert.equal(response.statusCode, 413);
    assert.equal(await textOf(response), 'too large');
    request.destroy();
  });

  it('breaks the connection when the service breaks in the middle of an answer', async () => {
    await using gateway = await startGateway();
    await gateway.serve((_request, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    });
    const { response } = await begin(gateway);
    await assert.rejects(textOf(response), { code: 'ECONNRESET' });
  });

  it('ends the request to the service when the visitor leaves', async () => {
    await using gateway = await startGateway();
    const ended = Promise.withResolvers<void>();
    await gateway.serve((_request, response) => {
      response.write('endless');
      response.once('close', ended.resolve);
    });
    const { request, response } = await begin(gateway);
    response.on('error', () => undefined);
    request.destroy();
    await ended.promise;
  });

  it('gives an early answer to an upload and then drops the rest', async () => {
    await using gateway = await startGateway();
    await gateway.serve((_request, response) => response.writeHead(413, { connection: 'close' }).end('enough'));
    const { request, response } = await begin(
      gateway,
      { method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
      (request) => {
        request.write('some');
      },
    );
    request.on('error', () => undefined);
    assert.equal(response.statusCode, 413);
    assert.equal(await textOf(response), 'enough');
    request.destroy();
  });

  it('sends a request again when a kept connection turns out to be closed', async () => {
    await using gateway = await startGateway();
    let requests = 0;
    const upstream = await gateway.serve((request, response) => {
      requests += 1;
      // The second request on a connection meets a server that has just closed it.
      if (requests === 2) request.socket.destroy();
      else response.end(String(requests));
    });
    upstream.keepAliveTimeout = 60_000;
    assert.equal((await ask(gateway)).body, '1');
    const again = await ask(gateway);
    assert.deepEqual([again.status, again.body], [200, '3']);
  });

  it('keeps connections to services open between requests', async () => {
    await using gateway = await startGateway();
    const ports = new Set<number | undefined>();
    const upstream = await gateway.serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end();
    });
    upstream.keepAliveTimeout = 60_000;
    for (let count = 0; count < 3; count += 1) await ask(gateway);
    assert.equal(ports.size, 1);
  });

  it('serves several requests on one connection, pipelined too', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request, response) => response.end(request.url));
    const socket = await say(
      gateway,
      `GET /one HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /two HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    const text = await textOf(socket as AsyncIterable<Buffer>);
    assert.match(text, /\/one[\s\S]*\/two/);
  });

  it('refuses a request whose length is ambiguous', async () => {
    await using gateway = await startGateway();
    let seen = 0;
    await gateway.serve((_request, response) => {
      seen += 1;
      response.end();
    });
    const socket = await say(
      gateway,
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    assert.match(await textOf(socket as AsyncIterable<Buffer>), /^HTTP\/1\.1 400 /);
    assert.equal(seen, 0);
  });

  it('drops a client that stops in the middle of its headers, and serves others meanwhile', async () => {
    await using gateway = await startGateway({ clientTimeoutMs: 200 });
    await gateway.serve((_request, response) => response.end('served'));
    const slow = await say(gateway, `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow`);
    assert.equal((await ask(gateway)).body, 'served');
    assert.match(await textOf(slow as AsyncIterable<Buffer>), /^HTTP\/1\.1 408 /);
  });

  it('drops a client that stops in the middle of a body', async () => {
    await using gateway = await startGateway({ clientTimeoutMs: 200 });
    const aborted = Promise.withResolvers<void>();
    await gateway.serve((request) => void request.once('error', () => aborted.resolve()));
    const slow = await say(gateway, `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100\r\n\r\nhalf`);
    slow.resume();
    await once(slow, 'close');
    await aborted.promise;
  });

  it('does not limit how long a service thinks', async () => {
    await using gateway = await startGateway({ clientTimeoutMs: 100, connectTimeoutMs: 100 });
    await gateway.serve((request, response) => {
      request.resume();
      setTimeout(() => response.end('at last'), 350);
    });
    assert.equal((await ask(gateway, { method: 'POST', body: 'question' })).body, 'at last');
  });
});

describe('closing the gateway', () => {
  it('lets a running request end', async () => {
    await using gateway = await startGateway({ drainMs: 5_000 });
    const finish = Promise.withResolvers<void>();
    await gateway.serve(async (_request, response) => {
      response.write('a');
      await finish.promise;
      response.end('b');
    });
    const { response } = await begin(gateway);
    const closed = gateway.close();
    finish.resolve();
    assert.equal(await textOf(response), 'ab');
    await closed;
  });

  it('ends what is still running after the drain time', async () => {
    await using gateway = await startGateway({ drainMs: 50 });
    await gateway.serve((_request, response) => void response.write('endless'));
    const { response } = await begin(gateway);
    const body = assert.rejects(textOf(response));
    await gateway.close();
    await body;
  });

  it('does not wait for idle connections', async () => {
    await using gateway = await startGateway({ drainMs: 60_000 });
    await gateway.serve((_request, response) => response.end());
    const agent = new Agent({ keepAlive: true });
    await ask(gateway, { agent });
    await gateway.close();
    agent.destroy();
  });
});
