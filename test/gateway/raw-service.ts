/** A preview's service that says exactly what a test wants, and tells what it was told. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Harness } from './harness.ts';

export interface RawService extends AsyncDisposable {
  /** Everything that has come in so far, over all connections. */
  received(): string;
  /** How many connections there were. */
  connections(): number;
}

/** Serves the main route: once a head is there, `answer` is sent and, unless `keep`, the connection ended. */
export async function rawService(
  harness: Harness,
  answer: string,
  { keep = false }: { readonly keep?: boolean } = {},
): Promise<RawService> {
  const sockets: Socket[] = [];
  let received = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    let isAnswered = false;
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (isAnswered || !received.includes('\r\n\r\n')) return;
      isAnswered = true;
      socket.write(answer, 'latin1');
      if (!keep) socket.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  harness.serveAt((server.address() as AddressInfo).port);
  return {
    received: () => received,
    connections: () => sockets.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
