/** Answers a request with a page of our own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonOf, type Page } from './page.ts';
import { contentSecurityPolicy, htmlOf } from './page-html.ts';

/** Sends the page as JSON when the client prefers that, as HTML otherwise. Never cached, never indexed. */
export function answerWithPage(request: IncomingMessage, response: ServerResponse, page: Page): void {
  const asJson = prefersJson(request.headers.accept);
  const body = Buffer.from(asJson ? jsonOf(page) : htmlOf(page));
  response.writeHead(page.statusCode, {
    'Content-Type': asJson ? 'application/json' : 'text/html; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Content-Security-Policy': contentSecurityPolicy,
    'Referrer-Policy': 'no-referrer',
    Vary: 'Accept',
    'X-Content-Type-Options': 'nosniff',
    'X-Robots-Tag': 'noindex',
    ...(page.statusCode === 503 && page.refreshSeconds !== undefined && { 'Retry-After': page.refreshSeconds }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
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
