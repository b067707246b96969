import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { fakeTelemetry } from '../fakes/telemetry.ts';
import { type Harness, host, say, startGateway } from './harness.ts';

async function visit(gateway: Harness, from = host): Promise<string> {
  return text(await say(gateway, `GET / HTTP/1.1\r\nHost: ${from}\r\nConnection: close\r\n\r\n`));
}

describe('visits', () => {
  it('are counted by what became of them', async () => {
    const telemetry = fakeTelemetry();
    await using gateway = await startGateway({ telemetry });
    const get = (from?: string) => visit(gateway, from);
    const visits = async (work: () => Promise<unknown>) => {
      const before = telemetry.others.length;
      await work();
      return telemetry.others.slice(before).map(([, ...rest]) => rest);
    };
    const upstream = await gateway.serve((_request, response) => response.end('hello'));
    assert.deepEqual(await visits(() => get()), [['served', true]]);
    assert.deepEqual(await visits(() => get('pr-1-nobody-abcdef.preview.test')), [['page', false]]);
    assert.deepEqual(await visits(() => get('a b')), [['malformed', false]]);

    const sockets = new WebSocketServer({ server: upstream });
    const tunnelled = await visits(async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, { headers: { host } });
      await once(socket, 'open');
      socket.close();
      await once(socket, 'close');
    });
    assert.deepEqual(tunnelled, [['tunnelled', true]]);
    sockets.close();
    upstream.removeAllListeners('upgrade');
    const declined = await visits(async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, { headers: { host } });
      await once(socket, 'unexpected-response');
      socket.on('error', () => undefined);
      socket.terminate();
    });
    assert.deepEqual(declined, [['served', true]]);

    gateway.serveAt(1);
    assert.deepEqual(await visits(() => get()), [['unreachable', false]]);
  });

  it('are counted as limited beyond the limit', async () => {
    const telemetry = fakeTelemetry();
    const limits = { requestsPerSecond: 0.1, pagesPerSecond: 0, connections: 0 };
    await using gateway = await startGateway({ telemetry, limits });
    await gateway.serve((_request, response) => response.end('hello'));
    for (let nth = 0; nth < 2; nth += 1) await visit(gateway);
    assert.deepEqual(
      telemetry.others.map(([, outcome]) => outcome),
      ['served', 'limited'],
    );
  });
});
