/** What a preview learns of a request. */
import type { IncomingMessage } from 'node:http';
import { originOf, type TrustedProxies } from '../domain/client-address.ts';
import type { PrivateCookies } from './cookies.ts';
import { endToEnd, type Header, headersOf, mayTrail } from './raw-headers.ts';

export interface RequestHeaderOptions {
  /** How the route is reached from outside, whatever terminates TLS in front of the gateway. */
  readonly publicProtocol: 'http' | 'https';
  readonly trusted: TrustedProxies;
  readonly privateCookies: PrivateCookies;
}

/**
 * What only the gateway, or nobody, may say: where a request comes from and where it was meant to go, in the words of all
 * usual proxies, and who a sign-on proxy in front says its sender is. Names that begin with `x-forwarded` belong to them.
 */
const claims: ReadonlySet<string> = new Set([
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'front-end-https',
  // A CGI program would take it for the proxy that it should use itself (CVE-2016-5385, "httpoxy").
  'proxy',
  'remote-user',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-envoy-internal',
  'x-host',
  'x-http-host-override',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-url',
  'x-real-ip',
  'x-remote-user',
  'x-rewrite-url',
  'x-scheme',
]);
/** Tokens of sign-on proxies, and whatever Berth may need for itself. */
const claimPrefixes = ['x-forwarded', 'x-auth-request-', 'x-berth-'];

/** Raw headers for the preview: the client's, without the hop's, without claims, and with what the gateway knows. */
export function requestHeaders(request: IncomingMessage, options: RequestHeaderOptions): string[] {
  const headers = endToEnd(request).flatMap(([name, value]): Header[] => {
    if (!mayPass(name)) return [];
    if (name.toLowerCase() !== 'cookie') return [[name, value]];
    const cookies = options.privateCookies.without(value);
    return cookies === '' ? [] : [[name, cookies]];
  });
  const claimed = request.headers['x-forwarded-for'];
  const origin = originOf(request.socket.remoteAddress, typeof claimed === 'string' ? claimed : '', options.trusted);
  headers.push(['X-Forwarded-For', origin.chain.join(', ')]);
  headers.push(['X-Forwarded-Proto', options.publicProtocol]);
  headers.push(['X-Forwarded-Host', request.headers.host ?? '']);
  return headers.flat();
}

/** Trailers that may follow such a request. */
export function requestTrailers(request: IncomingMessage): Header[] {
  return headersOf(request.rawTrailers).filter(([name]) => mayPass(name) && mayTrail(name));
}

/**
 * Names of other characters than these are left out, as nginx leaves them out: where programs see `HTTP_X_FORWARDED_FOR`,
 * it may have been `X_Forwarded_For` or `X.Forwarded.For`.
 */
function mayPass(name: string): boolean {
  const key = name.toLowerCase();
  return /^[a-z0-9-]+$/.test(key) && !claims.has(key) && !claimPrefixes.some((prefix) => key.startsWith(prefix));
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
