import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface BuildkitBridge extends AsyncDisposable {
  /** `tcp://<host>:<port>` */
  readonly url: string;
}

export interface BridgeOptions {
  /** The address to listen on, by default 127.0.0.1. */
  readonly host?: string;
  /** PEM texts: with them it speaks TLS, to those only who show a certificate of the same authority. */
  readonly tls?: { readonly authority: string; readonly certificate: string; readonly key: string };
}

/**
 * Makes the BuildKit inside a Docker daemon look like a BuildKit daemon of its own: the daemon speaks the same protocol
 * after an HTTP upgrade on `/grpc`.
 * @param dockerHost `unix:///path`
 */
export async function startBuildkitBridge(
  dockerHost: string,
  { host = '127.0.0.1', tls }: BridgeOptions = {},
): Promise<BuildkitBridge> {
  const socketPath = dockerHost.slice('unix://'.length);
  const open = new Set<Socket>();
  const accept = (client: Socket) => {
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
  };
  const server = tls
    ? // `h2` is the protocol that gRPC insists on.
      createTlsServer(
        { ca: tls.authority, cert: tls.certificate, key: tls.key, requestCert: true, ALPNProtocols: ['h2'] },
        accept,
      )
    : createServer(accept);
  server.listen(0, host);
  await once(server, 'listening');
  return {
    url: `tcp://${host}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
