/** The HTTP server that takes visitors to the previews. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { ServiceDirectory, Store } from '../ports.ts';
import type { Telemetry, VisitOutcome } from '../telemetry.ts';
import { noProxies, type TrustedProxies } from '../domain/client-address.ts';
import { keyId } from '../domain/preview.ts';
import { answerHealthy, answerWithPage } from './answer.ts';
import { privateCookies } from './cookies.ts';
import { failurePage, type Sources, type Upstream } from './destination.ts';
import { forward } from './forward.ts';
import { defaultLimits, type GatewayLimits, limiterOf } from './limits.ts';
import { badRequestPage, type Page } from './page.ts';
import { PreviewAgent } from './preview-agent.ts';
import { receptionOf } from './reception.ts';
import { hasBody } from './request-headers.ts';
import { tunnel } from './tunnel.ts';

export interface GatewayOptions {
  /** Previews are at `<label>.<previewDomain>`. */
  readonly previewDomain: string;
  readonly directory: ServiceDirectory;
  readonly statuses: Pick<Store, 'status'>;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
  readonly telemetry?: Pick<Telemetry, 'visited'>;
  /** How previews are reached from outside. */
  readonly scheme?: 'http' | 'https';
  /** Whose word about where a request comes from is taken. */
  readonly trusted?: TrustedProxies;
  /** What one address may ask. */
  readonly limits?: GatewayLimits;
  /** Names of cookies that no preview gets or sets, such as those of a sign-on proxy in front; `name*` for all that begin so. */
  readonly privateCookies?: readonly string[];
  /** How long a service may take to accept a connection. */
  readonly connectTimeoutMs?: number;
  /** How long a client may take to send a request's headers, and may pause while it sends a body. */
  readonly clientTimeoutMs?: number;
  /** How long running requests and tunnels may go on after `close`. */
  readonly drainMs?: number;
}

export interface Gateway {
  /** Not listening yet. */
  readonly server: Server;
  /** Takes no more connections, lets running requests end within `drainMs`, and then ends what is left. */
  close(): Promise<void>;
}

/** Idle connections to services are dropped before most servers (5 s is the usual default) drop them on their own. */
const upstreamIdleMs = 4_000;
/** Longer than the idle time of load balancers in front (60 s is the usual default). */
const clientIdleMs = 65_000;
const lingerMs = 2_000;

/** Builds the gateway. */
export function buildGateway(options: GatewayOptions): Gateway {
  const { previewDomain, directory, statuses, log, telemetry, scheme = 'https', trusted = noProxies } = options;
  const limiter = limiterOf(options.limits ?? defaultLimits, trusted, log);
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
  const clientTimeoutMs = options.clientTimeoutMs ?? 30_000;
  const agent = new PreviewAgent({ timeout: upstreamIdleMs });
  const closing = new AbortController();
  const upgraded = new Set<Duplex>();
  const sources: Sources = {
    directory,
    statuses,
    onError: (err) => log.warn({ err }, 'reading a preview status failed'),
  };

  const server = createServer({
    headersTimeout: clientTimeoutMs,
    // Uploads may take long, as long as they go on: `guardUpload` sees to that.
    requestTimeout: 0,
    keepAliveTimeout: clientIdleMs,
    connectionsCheckingInterval: Math.min(clientTimeoutMs, 5_000),
    noDelay: true,
    insecureHTTPParser: false,
    maxHeaderSize: 16_384,
    // Upgrading to HTTP/2 this way is deprecated (RFC 9113, section 3.1); such requests are served as they are.
    shouldUpgradeCallback: (request) => !/\bh2c\b/i.test(request.headers.upgrade ?? ''),
  });

  // Counted in `malformed`; the size is bounded above.
  server.maxHeadersCount = 0;
  limiter.guard(server);
  const receive = receptionOf({ previewDomain, sources, limiter, trusted, log, signal: closing.signal });
  const headers = { trusted, privateCookies: privateCookies(options.privateCookies ?? []) };

  async function fail(
    request: IncomingMessage,
    response: ServerResponse,
    upstream: Upstream,
    error: Error,
  ): Promise<void> {
    const found = directory.preview(upstream.namespace);
    log.debug(
      { err: error, host: request.headers.host, preview: found && keyId(found.key) },
      'a preview did not answer',
    );
    telemetry?.visited('unreachable');
    const page = await failurePage(upstream, problemOf(error), sources);
    if (!response.headersSent && !response.destroyed) answerWithPage(request, response, page, scheme);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    guardUpload(request, response, clientTimeoutMs);
    const destination = await receive(request);
    if (response.destroyed) return;
    if (destination === 'healthy') {
      answerHealthy(response);
    } else if (destination.kind === 'page') {
      telemetry?.visited(outcomeOf(destination.page));
      answerWithPage(request, response, destination.page, scheme);
    } else {
      const { upstream } = destination;
      const onFailure = (error: Error) => orDrop(fail(request, response, upstream, error), request.socket);
      const onAnswer = () => telemetry?.visited('served', performance.now() - startedAt);
      forward(request, response, upstream, { ...headers, agent, connectTimeoutMs, onFailure, onAnswer });
    }
  }

  async function upgrade(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    const startedAt = performance.now();
    upgraded.add(client);
    client.once('close', () => upgraded.delete(client));
    client.on('error', () => client.destroy());
    client.setTimeout(0);
    client.setKeepAlive(true, 30_000);
    const response = () => responseOn(request, client);
    const destination = await receive(request);
    if (client.destroyed) return;
    // A body in front of the other protocol would be one thing to us and another to the service.
    if (destination === 'healthy' || hasBody(request)) {
      telemetry?.visited('malformed');
      answerWithPage(request, response(), badRequestPage, scheme);
    } else if (destination.kind === 'page') {
      telemetry?.visited(outcomeOf(destination.page));
      answerWithPage(request, response(), destination.page, scheme);
    } else {
      const { upstream } = destination;
      const onFailure = (error: Error) => orDrop(fail(request, response(), upstream, error), client);
      const onAnswer = (hasSwitched: boolean) =>
        telemetry?.visited(hasSwitched ? 'tunnelled' : 'served', performance.now() - startedAt);
      tunnel(request, client, head, upstream, { ...headers, connectTimeoutMs, onFailure, onAnswer, response });
    }
  }

  /** What a stranger sent may be more than Node repeats; it costs that stranger the connection and nobody else's. */
  function orDrop(handled: Promise<void>, socket: Duplex): void {
    handled.catch((err: unknown) => {
      log.warn({ err }, 'a request could not be passed on');
      socket.destroy();
    });
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse) =>
    orDrop(handle(request, response), request.socket);
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('upgrade', (request, socket, head) => orDrop(upgrade(request, socket as Socket, head), socket));

  return {
    server,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        closing.abort();
        server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
      }, options.drainMs ?? 10_000);
      await closed;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

function outcomeOf({ statusCode }: Page): VisitOutcome {
  if (statusCode === 429) return 'limited';
  return statusCode === 400 || statusCode === 431 ? 'malformed' : 'page';
}

/** Drops a client that pauses too long in the middle of a body, or goes on sending after it has been answered. */
function guardUpload(request: IncomingMessage, response: ServerResponse, pauseMs: number): void {
  if (!hasBody(request)) return;
  const { socket } = request;
  socket.setTimeout(pauseMs);
  request.once('end', () => socket.setTimeout(0));
  response.once('finish', () => {
    if (request.complete) return;
    request.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    request.once('end', () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
  });
}

/** An ordinary answer to a request for an upgrade; the connection ends with it. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    socket.end();
  });
  return response;
}

function problemOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refuses connections: nothing listens there';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed the connection without an answer';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'cannot be reached';
    default:
      return error.code?.startsWith('HPE_') ? 'sent an answer that is not HTTP' : 'did not answer in time';
  }
}
