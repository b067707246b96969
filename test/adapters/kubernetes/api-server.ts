/** A small API server that misbehaves as told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import type { ClusterAccess } from '../../../src/adapters/kubernetes/cluster-access.ts';
import { accessOf } from '../../../src/adapters/kubernetes/kube-config.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

export interface ApiServer extends AsyncDisposable {
  readonly kubeConfig: KubeConfig;
  readonly access: ClusterAccess;
  /** `GET /path?query` of every request so far. */
  readonly requests: readonly string[];
  /** How many connections are open. */
  connections(): Promise<number>;
  /** Cuts every connection. */
  cut(): void;
}

export async function apiServer(handle: Handler): Promise<ApiServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handle(request, response, new URL(request.url ?? '/', 'http://server'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'stub', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'user', token: 'token' },
  );
  return {
    kubeConfig,
    access: accessOf(kubeConfig),
    requests,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function reply(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A list of objects with these names, at a version. */
export function list(resourceVersion: number, names: readonly string[]): object {
  return { metadata: { resourceVersion: String(resourceVersion) }, items: names.map(object) };
}

export function object(name: string): object {
  return { metadata: { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2030-01-01T00:00:00Z' } };
}
