/** An HTTP server that tells strangers nothing: what it is made with, what went wrong, what else there is. */
import type { Socket } from 'node:net';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';

export interface BareServerOptions {
  readonly log: Pick<Logger, 'error' | 'debug'>;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** Answers what no route is for. */
  readonly onUnknown?: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;
}

/** Nothing here is for browsers; should one come along, it may neither guess, keep, frame, run nor embed anything. */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Makes the server: 404 for everything until routes are added. */
export function bareServer({ log, requestTimeoutMs, onUnknown }: BareServerOptions): FastifyInstance {
  const app = fastify({
    // Lines are written where something is known about the request.
    logger: false,
    // For everything that does not read its body itself.
    bodyLimit: 1_024,
    requestTimeout: requestTimeoutMs,
    // Longer than the idle time of load balancers in front (60 s is the usual default).
    keepAliveTimeout: 65_000,
    http: {
      headersTimeout: requestTimeoutMs,
      // How often slow requests are looked for; Node's default of 30 s would let them live that much longer.
      connectionsCheckingInterval: Math.min(requestTimeoutMs / 2, 1_000),
      insecureHTTPParser: false,
      maxHeaderSize: 16_384,
    },
    // On close, idle connections end and running requests are answered, late ones too: what was stored is stored.
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, _, reply) => {
      // Such requests meet no hook, and a reply typed for no route: so the plain response.
      reply.raw.writeHead(error.statusCode ?? 400, { ...headers, 'content-type': 'application/json' });
      reply.raw.end('{"error":"bad request"}');
    },
  });
  app.addHook('onRequest', async (_, reply) => void reply.headers(headers));
  app.setNotFoundHandler(onUnknown ?? ((_, reply) => reply.code(404).send({ error: 'not found' })));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ err: error, path: request.routeOptions.url }, 'request failed');
    else log.debug({ reason: error.code, path: request.routeOptions.url }, 'request refused');
    return reply.code(status).send({ error: status >= 500 ? 'internal error' : 'request refused' });
  });
  return app;
}

/** Routes here have no schemas: the compilers for such, which Fastify would load, cost a tenth of the time that Berth takes to start. */
function noCompiler(): never {
  throw new Error('no route has a schema');
}

/** Answers what is not HTTP, too long or too slow, as Node itself would, and hangs up. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${statusOf(error.code)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}
