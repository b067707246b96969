import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { parseEndpoint } from '../../../src/adapters/buildx/endpoint.ts';
import { whyUnreachable } from '../../../src/adapters/buildx/reachable.ts';

describe('whyUnreachable', () => {
  const { signal } = new AbortController();

  /** Runs `work` with the address of the server, then ends it. */
  async function listening(server: Server, work: (address: string) => Promise<void>): Promise<void> {
    const open = new Set<Socket>();
    server.on('connection', (socket: Socket) => open.add(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await work(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    }
  }

  it('takes a Docker daemon that accepts connections for one that builds', async () => {
    await listening(createServer(), async (address) => {
      assert.equal(await whyUnreachable(parseEndpoint(`docker:${address}`), signal), undefined);
    });
  });

  it('takes a BuildKit that speaks HTTP/2 for one that builds', async () => {
    await listening(createHttp2Server(), async (address) => {
      assert.equal(await whyUnreachable(parseEndpoint(address), signal), undefined);
    });
  });

  it('tells of one that says nothing', async () => {
    await listening(createServer(), async (address) => {
      assert.equal(await whyUnreachable(parseEndpoint(address), signal, 100), 'no answer within 100 ms');
    });
  });

  it('tells of one that hangs up', async () => {
    const server = createServer((socket) => socket.end());
    await listening(server, async (address) => {
      assert.match((await whyUnreachable(parseEndpoint(address), signal)) ?? '', /hung up/);
    });
  });

  it('tells that nobody listens', async () => {
    let address = '';
    await listening(createServer(), async (each) => {
      address = each;
    });
    for (const prefix of ['', 'docker:']) {
      assert.match((await whyUnreachable(parseEndpoint(`${prefix}${address}`), signal)) ?? '', /ECONNREFUSED/);
    }
    assert.match((await whyUnreachable(parseEndpoint('unix:///nowhere.sock'), signal)) ?? '', /ENOENT/);
  });

  it('tells that certificates are missing', async () => {
    const endpoint = parseEndpoint('tcp://127.0.0.1:1?tls=/nowhere');
    assert.match((await whyUnreachable(endpoint, signal)) ?? '', /ENOENT.*\/nowhere\/ca\.pem/);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    await listening(createServer(), async (address) => {
      const answer = whyUnreachable(parseEndpoint(address), controller.signal);
      controller.abort(new Error('enough'));
      await assert.rejects(answer, /enough/);
    });
  });
});
