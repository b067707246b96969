import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface BuildkitBridge extends AsyncDisposable {
  /** `tcp://127.0.0.1:<port>` */
  readonly url: string;
}

/**
 * Makes the BuildKit inside a Docker daemon look like a BuildKit daemon of its own: the daemon speaks the same protocol
 * after an HTTP upgrade on `/grpc`.
 * @param dockerHost `unix:///path`
 */
export async function startBuildkitBridge(dockerHost: string): Promise<BuildkitBridge> {
  const socketPath = dockerHost.slice('unix://'.length);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => open.delete(client));
    const upgrade = request({
      socketPath,
      path: '/grpc',
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'h2c' },
    });
    upgrade.on('error', () => client.destroy());
    upgrade.on('upgrade', (_, daemon, head) => {
      daemon.on('error', () => client.destroy());
      daemon.on('close', () => client.destroy());
      client.on('close', () => daemon.destroy());
      client.write(head);
      daemon.pipe(client).pipe(daemon);
    });
    upgrade.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
