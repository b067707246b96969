import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { statusOf } from '../domain/status-sample.ts';
import { type Harness, host, namespace, say, startGateway, textOf } from './harness.ts';

function open(gateway: Harness): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${gateway.port}/socket?room=1`, ['chat'], { headers: { host } });
}

async function echoServer(gateway: Harness): Promise<WebSocketServer> {
  const upstream = await gateway.serve((_request, response) => response.writeHead(426).end('upgrade, please'));
  const sockets = new WebSocketServer({ server: upstream });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  return sockets;
}

describe('WebSockets', () => {
  it('carry messages both ways, large ones too', async () => {
    await using gateway = await startGateway();
    await echoServer(gateway);
    const socket = open(gateway);
    await once(socket, 'open');
    assert.equal(socket.protocol, 'chat');
    socket.send('hello');
    assert.equal(String(((await once(socket, 'message')) as [Buffer])[0]), 'hello');
    const large = Buffer.alloc(5_000_000, 7);
    socket.send(large);
    assert.deepEqual(((await once(socket, 'message')) as [Buffer])[0], large);
    socket.close(4001, 'done');
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 4001);
  });

  it('reach a service that refuses connections for a moment', async () => {
    await using gateway = await startGateway();
    const { options } = await echoServer(gateway);
    const { server } = options;
    assert.ok(server);
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const socket = open(gateway);
    await delay(300);
    server.listen(port, '127.0.0.1');
    await once(socket, 'open');
    socket.terminate();
  });

  it('close at the service when the visitor vanishes', async () => {
    await using gateway = await startGateway();
    const sockets = await echoServer(gateway);
    const connected = once(sockets, 'connection');
    const socket = open(gateway);
    const [serverSide] = (await connected) as [WebSocket];
    await once(socket, 'open');
    socket.terminate();
    await once(serverSide, 'close');
  });

  it('close at the visitor when the service vanishes', async () => {
    await using gateway = await startGateway();
    const sockets = await echoServer(gateway);
    const connected = once(sockets, 'connection');
    const socket = open(gateway);
    const [serverSide] = (await connected) as [WebSocket];
    await once(socket, 'open');
    serverSide.terminate();
    await once(socket, 'close');
  });

  it('do not outlive the gateway', async () => {
    await using gateway = await startGateway({ drainMs: 50 });
    await echoServer(gateway);
    const socket = open(gateway);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await gateway.close();
    await closed;
  });

  it('learn the answer of a service that declines', async () => {
    await using gateway = await startGateway();
    await gateway
      .serve(() => undefined)
      .then((upstream) =>
        upstream.on('upgrade', (_request, socket) =>
          socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: no\r\n\r\nno'),
        ),
      );
    const socket = open(gateway);
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.deepEqual([response.statusCode, response.headers['x-why'], await textOf(response)], [403, 'no', 'no']);
  });

  it('learn that the preview is being built', async () => {
    await using gateway = await startGateway();
    gateway.statuses.set(namespace, statusOf());
    const socket = open(gateway);
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 503);
    response.resume();
    await once(response, 'end');
  });

  it('learn that the service is down', async () => {
    await using gateway = await startGateway();
    gateway.serveAt(1);
    const socket = open(gateway);
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 502);
    response.resume();
    await once(response, 'end');
  });
});

describe('other upgrades', () => {
  it('are joined with the service, bytes sent early included', async () => {
    await using gateway = await startGateway();
    const upstream = await gateway.serve(() => undefined);
    upstream.on('upgrade', (request, socket, head: Buffer) => {
      assert.equal(request.headers.upgrade, 'echo');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.write(head);
      socket.pipe(socket);
    });
    const socket = await say(
      gateway,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly`,
    );
    socket.end(' and late');
    const text = await textOf(socket as AsyncIterable<Buffer>);
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.ok(text.endsWith('\r\n\r\nearly and late'));
  });

  it('to HTTP/2 without TLS are not offered', async () => {
    await using gateway = await startGateway();
    await gateway.serve((request, response) => response.end(`served, upgrade ${request.headers.upgrade}`));
    const socket = await say(
      gateway,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    );
    assert.match(await textOf(socket as AsyncIterable<Buffer>), /served, upgrade undefined/);
  });
});
