/** What a visitor's browser, and proxies in front, learn of a preview's answer. */
import type { IncomingMessage } from 'node:http';
import { ownCookie, type PrivateCookies } from './cookies.ts';
import { endToEnd, type Header, headersOf, mayTrail } from './raw-headers.ts';

/**
 * Headers that act on more than the answer or on more than the preview's own host, or outlive it there. Whatever else
 * a preview says is its own business: `Access-Control-*`, `Content-Security-Policy`, `Service-Worker-Allowed` and their like
 * reach as far as its origin, which is its own.
 */
const withheld: ReadonlySet<string> = new Set([
  // How a host is reached is for those who terminate its TLS to say. Browsers keep these for months, beyond the preview.
  'strict-transport-security',
  'expect-ct',
  'public-key-pins',
  'public-key-pins-report-only',
  // Leads visitors of this host to another server, past the gateway.
  'alt-svc',
  // Report to others who visits this host and how, our own pages included, for as long as they ask to.
  'nel',
  'report-to',
  // `?0` would let pages of two previews meet in their parent domain (`document.domain`).
  'origin-agent-cluster',
  // Obsolete; the few who read it would take its Domain.
  'set-cookie2',
  // Orders for proxies in front: nginx, Apache, lighttpd and Perlbal would answer with another of their resources.
  'x-accel-redirect',
  'x-sendfile',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'x-reproxy-file',
]);

/** Raw headers for the client. */
export function responseHeaders(response: IncomingMessage, cookies: PrivateCookies): string[] {
  const headers = endToEnd(response).flatMap(([name, value]): Header[] => {
    const key = name.toLowerCase();
    if (!mayPass(key)) return [];
    if (key !== 'set-cookie' && key !== 'clear-site-data') return [[name, value]];
    const own = key === 'set-cookie' ? ownCookie(value, cookies) : ownSiteData(value);
    return own === undefined ? [] : [[name, own]];
  });
  // Previews are nobody's to find; one that says otherwise is overruled, as the strictest rule counts.
  headers.push(['X-Robots-Tag', 'noindex']);
  return headers.flat();
}

/** Trailers that may follow such an answer. */
export function responseTrailers(response: IncomingMessage): Header[] {
  return headersOf(response.rawTrailers).filter(
    ([name]) => mayPass(name.toLowerCase()) && mayTrail(name) && !/^clear-site-data$/i.test(name),
  );
}

function mayPass(key: string): boolean {
  return !withheld.has(key) && !key.startsWith('x-berth-');
}

/**
 * What of `Clear-Site-Data` stays within the origin. Cookies are cleared for the whole registrable domain, which previews
 * share with each other and perhaps with more (W3C Clear Site Data, section 3.1); `"*"` includes them.
 */
function ownSiteData(value: string): string | undefined {
  const own = ['"cache"', '"storage"', '"executionContexts"'];
  const types = value.split(',').map((type) => type.trim());
  const kept = types.includes('"*"') ? own : types.filter((type) => own.includes(type));
  return kept.length > 0 ? kept.join(', ') : undefined;
}
