/** A registry that misbehaves as told: a proxy on loopback in front of the local stack's. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { localStack } from '../local-stack.ts';

export interface RegistryProxy extends AsyncDisposable {
  /** `localhost:<port>`, as references have it. */
  readonly host: string;
  /** `<method> <path with query>` of every request so far. */
  readonly requests: readonly string[];
  /** Asked about each request: true when it has answered it itself. Without it, everything is passed on. */
  misbehave: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Cuts all connections and takes no more; on the same port again after `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startRegistryProxy(): Promise<RegistryProxy> {
  const [hostname, upstreamPort] = localStack().registry.split(':');
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (proxy.misbehave?.(request, response) === true) return;
    const { method, url, headers } = request;
    const upstream = httpRequest({ hostname, port: upstreamPort, method, path: url, headers });
    upstream.on('error', () => response.destroy());
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    response.on('close', () => upstream.destroy());
    request.on('error', () => upstream.destroy());
    request.pipe(upstream);
  });
  let port = 0;
  const start = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await start();
  const proxy: RegistryProxy = {
    host: `localhost:${port}`,
    requests,
    misbehave: undefined,
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return proxy;
}
