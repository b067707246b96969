/** A running gateway in front of local servers. */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import type { Status } from '../../src/domain/status.ts';
import { buildGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import type { PreviewNamespace } from '../../src/ports.ts';

export const previewDomain = 'preview.test';
export const namespace = 'pr-42-shop-k3x9ab';
export const host = `${namespace}.${previewDomain}`;
const revision = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334';

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface Harness extends AsyncDisposable {
  readonly port: number;
  readonly server: Server;
  readonly statuses: Map<string, Status>;
  readonly previews: Map<string, PreviewNamespace>;
  /** By `service:port`. */
  readonly addresses: Map<string, { readonly host: string; readonly port: number }>;
  readonly warnings: unknown[];
  /** Serves the main route with this listener. */
  serve(listener: Listener): Promise<Server>;
  /** The main route's service, wherever it listens. */
  serveAt(port: number): void;
  close(): Promise<void>;
}

export async function startGateway(options: Partial<GatewayOptions> = {}): Promise<Harness> {
  const statuses = new Map<string, Status>();
  const previews = new Map<string, PreviewNamespace>();
  const addresses = new Map<string, { readonly host: string; readonly port: number }>();
  const warnings: unknown[] = [];
  const servers: Server[] = [];
  const gateway = buildGateway({
    previewDomain,
    directory: {
      preview: (name) => previews.get(name),
      address: async (name, service, port) => (previews.has(name) ? addresses.get(`${service}:${port}`) : undefined),
    },
    statuses: { status: async (name) => statuses.get(name) },
    log: { debug: () => undefined, warn: (fields: unknown) => void warnings.push(fields) },
    connectTimeoutMs: 300,
    drainMs: 200,
    ...options,
  });
  gateway.server.listen(0, '127.0.0.1');
  await once(gateway.server, 'listening');
  const { port } = gateway.server.address() as AddressInfo;
  const harness: Harness = {
    port,
    server: gateway.server,
    statuses,
    previews,
    addresses,
    warnings,
    async serve(listener) {
      const server = createServer((request, response) => void listener(request, response));
      servers.push(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      harness.serveAt((server.address() as AddressInfo).port);
      return server;
    },
    serveAt(upstreamPort) {
      previews.set(namespace, previewNamespace());
      addresses.set('web:80', { host: '127.0.0.1', port: upstreamPort });
    },
    close: () => gateway.close(),
    async [Symbol.asyncDispose]() {
      await gateway.close();
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
  return harness;
}

export function previewNamespace(change: Partial<PreviewNamespace> = {}): PreviewNamespace {
  return {
    key: { repositoryId: 7, number: 42 },
    name: namespace,
    uid: '2f1c3f1e-7f3b-4c7c-9b0a-0d6f2f9f4a11',
    terminating: false,
    revision,
    routes: [{ name: 'web', service: 'web', port: 80, host: namespace, url: `https://${host}` }],
    images: [],
    ...change,
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly trailers: IncomingMessage['trailers'];
}

/** One request through the gateway, on a connection of its own. */
export async function ask(
  harness: Harness,
  options: RequestOptions & { readonly body?: string; readonly host?: string } = {},
): Promise<Answer> {
  const { body, host: requestedHost = host, ...rest } = options;
  const request = httpRequest({
    agent: new Agent({ keepAlive: false }),
    ...rest,
    host: '127.0.0.1',
    port: harness.port,
    headers: { host: requestedHost, ...(rest.headers as Record<string, string> | undefined) },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: await textOf(response),
    trailers: response.trailers,
  };
}

export async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A connection to the gateway that says exactly these bytes. */
export async function say(harness: Harness, bytes: string): Promise<Socket> {
  const socket = connect(harness.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}
