/** Answers a request with a page of our own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonOf, type Page } from './page.ts';
import { contentSecurityPolicy, htmlOf } from './page-html.ts';

/** What every page of ours asks of browsers: nothing kept, embedded, framed, guessed, or told to others. */
const protection = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': contentSecurityPolicy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex',
} as const;

/**
 * Sends the page as JSON when the client prefers that, as HTML otherwise. `scheme` is how previews are reached: over HTTPS,
 * browsers are asked to stay there.
 */
export function answerWithPage(
  request: IncomingMessage,
  response: ServerResponse,
  page: Page,
  scheme: 'http' | 'https',
): void {
  const asJson = prefersJson(request.headers.accept);
  const body = Buffer.from(asJson ? jsonOf(page) : htmlOf(page));
  const isLater = page.statusCode === 503 || page.statusCode === 429;
  response.writeHead(page.statusCode, {
    'Content-Type': asJson ? 'application/json' : 'text/html; charset=utf-8',
    'Content-Length': body.length,
    ...protection,
    Vary: 'Accept',
    ...(scheme === 'https' && { 'Strict-Transport-Security': 'max-age=31536000' }),
    ...(isLater && page.refreshSeconds !== undefined && { 'Retry-After': page.refreshSeconds }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Says that the gateway works. */
export function answerHealthy(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain', ...protection }).end('ok\n');
}

/** Whether JSON ranks above HTML in an `Accept` header; of equals, the one named first. */
function prefersJson(accept: string | undefined): boolean {
  let bestQuality = 0;
  let isJson = false;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const json = type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
    if (!json && type !== 'text/html' && type !== 'application/xhtml+xml') continue;
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (quality > bestQuality) {
      bestQuality = quality;
      isJson = json;
    }
  }
  return isJson;
}
