/** Decides what a request gets: a service, a page, or the word that the gateway works. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { originOf, type TrustedProxies } from '../domain/client-address.ts';
import { type Destination, destinationOf, type Sources } from './destination.ts';
import { requestedHost } from './host.ts';
import type { Limiter } from './limits.ts';
import {
  badRequestPage,
  noSuchPreviewPage,
  type Page,
  tooManyHeadersPage,
  tooManyRequestsPage,
  unknownPage,
} from './page.ts';
import { malformed } from './well-formed.ts';

export interface ReceptionOptions {
  readonly previewDomain: string;
  readonly sources: Sources;
  readonly limiter: Limiter;
  readonly trusted: TrustedProxies;
  readonly log: Pick<Logger, 'warn'>;
  /** Ends look-ups that are under way. */
  readonly signal: AbortSignal;
}

/** Never rejects: what cannot be found out becomes a page that says so. */
export type Reception = (request: IncomingMessage) => Promise<Destination | 'healthy'>;

/** Makes the reception. Nothing that a client sends decides where it is taken, but the name of a preview. */
export function receptionOf({ previewDomain, sources, limiter, trusted, log, signal }: ReceptionOptions): Reception {
  // For somebody who has had too many pages: where services are is known here, and what more there is to say is in Redis.
  const localSources: Sources = { ...sources, statuses: { status: async () => undefined } };

  async function receive(request: IncomingMessage): Promise<Destination | 'healthy'> {
    const problem = malformed(request);
    if (problem) return pageFor(problem === 431 ? tooManyHeadersPage : badRequestPage);
    const requested = requestedHost(request.headers.host, previewDomain);
    // Not counted: whoever asks for health must not be kept from it by others at the same address.
    if (requested.kind === 'health') return request.url === '/healthz' ? 'healthy' : pageFor(noSuchPreviewPage);
    const { 'x-forwarded-for': claimed } = request.headers;
    const { client } = originOf(request.socket.remoteAddress, typeof claimed === 'string' ? claimed : '', trusted);
    const requestWait = await limiter.requests.take(client);
    if (requestWait !== undefined) return pageFor(tooManyRequestsPage(requestWait));
    const pageWait = await limiter.pages.wait(client);
    const found = await find(requested, pageWait === undefined ? sources : localSources);
    if (found.kind === 'upstream') return found;
    if (pageWait !== undefined) return pageFor(tooManyRequestsPage(pageWait));
    await limiter.pages.take(client);
    return found;
  }

  async function find(
    requested: Exclude<ReturnType<typeof requestedHost>, { kind: 'health' }>,
    from: Sources,
  ): Promise<Destination> {
    switch (requested.kind) {
      case 'malformed':
        return pageFor(badRequestPage);
      case 'unknown':
        return pageFor(noSuchPreviewPage);
      case 'preview':
        return destinationOf(requested.label, requested.namespace, from, signal);
    }
  }

  return async (request) => {
    try {
      return await receive(request);
    } catch (err) {
      log.warn({ err, host: request.headers.host }, 'finding the service of a preview failed');
      return pageFor(unknownPage);
    }
  };
}

function pageFor(page: Page): Destination {
  return { kind: 'page', page };
}
