/** Raw headers, as Node gives them: name, value, name, value …, which keeps their order, case and repetitions. */
import type { IncomingMessage } from 'node:http';

export type Header = [name: string, value: string];

/** Headers between two neighbours only (RFC 9110, section 7.6.1), besides those that `Connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The headers of a message that are not its hop's. */
export function endToEnd(message: IncomingMessage): Header[] {
  const named = new Set((message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  // Not for the sender to decide: they say where the request goes and where its body ends.
  for (const name of ['host', 'content-length']) named.delete(name);
  return headersOf(message.rawHeaders).filter(([name]) => {
    const key = name.toLowerCase();
    return !hopByHop.has(key) && !named.has(key);
  });
}

/** Raw headers in pairs. */
export function headersOf(raw: readonly string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) headers.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return headers;
}

/**
 * Whether a header may come after the body: none that frames, routes, authorises or sets something up (RFC 9110, section
 * 6.5.1), as some receivers merge trailers into the headers that were checked before.
 */
export function mayTrail(name: string): boolean {
  const key = name.toLowerCase();
  return !hopByHop.has(key) && !neverTrailing.has(key) && !key.startsWith('content-') && !key.includes('cookie');
}

const neverTrailing: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'date',
  'expect',
  'expires',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'trailer',
  'vary',
  'warning',
  'www-authenticate',
]);
