/** Which headers cross the gateway. Raw headers (name, value, name, value …) keep their order, case and repetitions. */
import type { IncomingMessage } from 'node:http';

/** Headers between two neighbours only (RFC 9110, section 7.6.1), besides those that `Connection` names. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What only the gateway may say about where a request comes from. */
const forwarding = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
]);

/** Raw headers for the upstream: the client's, without the hop's and without claims about where they come from. */
export function requestHeaders(request: IncomingMessage, publicProtocol: 'http' | 'https'): string[] {
  const headers = endToEnd(request, forwarding);
  headers.push('X-Forwarded-For', request.socket.remoteAddress ?? 'unknown');
  headers.push('X-Forwarded-Proto', publicProtocol);
  headers.push('X-Forwarded-Host', request.headers.host ?? '');
  return headers;
}

/** Raw headers for the client. */
export function responseHeaders(response: IncomingMessage): string[] {
  return endToEnd(response, new Set());
}

/**
 * How the body of a request is delimited towards the upstream, as raw headers: the length is end-to-end already, chunks
 * are the hop's, and a method that usually has a body says that it has none.
 */
export function framingHeaders(request: IncomingMessage): string[] {
  if (request.headers['transfer-encoding'] !== undefined) return ['Transfer-Encoding', 'chunked'];
  const usuallyHasBody = request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH';
  return usuallyHasBody && request.headers['content-length'] === undefined ? ['Content-Length', '0'] : [];
}

/** Whether a body follows the request's headers. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function endToEnd(message: IncomingMessage, dropped: ReadonlySet<string>): string[] {
  const named = new Set((message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  // Not for the sender to decide: they say where the request goes and where its body ends.
  for (const name of ['host', 'content-length']) named.delete(name);
  const kept: string[] = [];
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = message.rawHeaders[at] ?? '';
    const key = name.toLowerCase();
    if (!hopByHop.has(key) && !named.has(key) && !dropped.has(key)) kept.push(name, message.rawHeaders[at + 1] ?? '');
  }
  return kept;
}
