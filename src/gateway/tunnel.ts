/** Joins a client that asks for another protocol (WebSocket, mostly) with its upstream. */
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { attempts, type Attempts } from './attempts.ts';
import type { Upstream } from './destination.ts';
import { limitConnecting } from './forward.ts';
import { type RequestHeaderOptions, requestHeaders } from './request-headers.ts';
import { responseHeaders } from './response-headers.ts';

export interface TunnelOptions extends Omit<RequestHeaderOptions, 'publicProtocol'> {
  readonly connectTimeoutMs: number;
  /** Called at most once, and only as long as the client has received nothing. */
  readonly onFailure: (error: Error) => void;
  /** Called when the upstream has begun to answer, by switching or otherwise. */
  readonly onAnswer?: (hasSwitched: boolean) => void;
  /** Answers the client when the upstream declines to switch; made when it is needed. */
  readonly response: () => ServerResponse;
}

/** Passes the handshake on; once the upstream has switched, bytes flow both ways until one end closes. */
export function tunnel(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  upstream: Upstream,
  options: TunnelOptions,
): void {
  connectTunnel(request, client, head, upstream, { ...options, attempts: attempts(options.connectTimeoutMs) });
}

function connectTunnel(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  upstream: Upstream,
  options: TunnelOptions & { readonly attempts: Attempts },
): void {
  const upstreamRequest = httpRequest({
    host: upstream.host,
    port: upstream.port,
    method: request.method,
    path: request.url,
    headers: [
      ...requestHeaders(request, { ...options, publicProtocol: upstream.publicProtocol }),
      'Connection',
      'Upgrade',
      'Upgrade',
      request.headers.upgrade ?? '',
    ],
    agent: false,
    insecureHTTPParser: false,
  });
  let wasConnected = false;
  limitConnecting(upstreamRequest, options.attempts.connectMs(), () => (wasConnected = true));
  const abandon = () => upstreamRequest.destroy();
  client.once('close', abandon);

  upstreamRequest.once('upgrade', (answer, server, serverHead) => {
    options.onAnswer?.(true);
    const headers = [
      ...responseHeaders(answer, options.privateCookies),
      'Connection',
      'Upgrade',
      'Upgrade',
      answer.headers.upgrade ?? '',
    ];
    client.write(headOf(answer, headers), 'latin1');
    client.write(serverHead);
    server.write(head);
    join(client, server);
  });
  upstreamRequest.once('response', (answer) => {
    options.onAnswer?.(false);
    const response = options.response();
    response.writeHead(answer.statusCode ?? 502, responseHeaders(answer, options.privateCookies));
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  upstreamRequest.once('error', (error: NodeJS.ErrnoException) => {
    if (client.destroyed) return;
    client.off('close', abandon);
    // What a handshake sets going is the service's business: it is not asked twice.
    const pauseMs = options.attempts.pauseAfter({ wasConnected, isRepeatable: false, code: error.code });
    if (pauseMs === undefined) return void options.onFailure(error);
    setTimeout(() => {
      if (!client.destroyed) connectTunnel(request, client, head, upstream, options);
    }, pauseMs);
  });
  upstreamRequest.end();
}

/** Each end's close ends the other, an error destroys it: no half of a tunnel is left behind. */
function join(client: Duplex, server: Duplex): void {
  client.pipe(server);
  server.pipe(client);
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.once('error', () => other.destroy());
    one.once('close', () => other.destroy());
  }
}

/** Header values hold no line breaks: the parser that read them has seen to it. */
function headOf(answer: IncomingMessage, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`;
  for (let at = 0; at + 1 < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return `${head}\r\n`;
}
