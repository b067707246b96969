/** The HTTP server that GitHub and Kubernetes talk to. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { HealthCheck } from './health.ts';
import { addHealth } from './health.ts';
import type { WebhookOptions } from './webhook.ts';
import { addWebhook } from './webhook.ts';

const lingerMs = 2_000;

export interface ServerOptions extends WebhookOptions {
  /** What must work for `/readyz`, by name. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** How long a request may take to arrive; GitHub gives up after 10 s. */
  readonly requestTimeoutMs?: number;
}

/**
 * Makes the server, which the caller tells to listen and to close.
 * @throws when a webhook secret is missing or weak.
 */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { log, requestTimeoutMs = 10_000 } = options;
  const app = fastify({
    // Lines are written where something is known about the request.
    logger: false,
    // For everything but the webhook, which sets its own.
    bodyLimit: 1_024,
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      // How often slow requests are looked for; Node's default of 30 s would let them live that much longer.
      connectionsCheckingInterval: Math.min(requestTimeoutMs / 2, 1_000),
    },
    // On close, idle connections end and running requests are answered.
    forceCloseConnections: 'idle',
  });
  addHealth(app, options.checks);
  addWebhook(app, options);
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: 'not found' }));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status === 413) lingerFor(request, reply);
    if (status >= 500) log.error({ err: error, path: request.routeOptions.url }, 'request failed');
    else log.debug({ reason: error.code, path: request.routeOptions.url }, 'request refused');
    return reply.code(status).send({ error: status >= 500 ? 'internal error' : 'request refused' });
  });
  return app;
}

/**
 * Hanging up on somebody who is still sending resets the connection, and the answer is lost with it. So what comes is
 * thrown away for a while.
 */
function lingerFor({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection');
  const timer = setTimeout(() => raw.socket.destroy(), lingerMs);
  raw.once('close', () => clearTimeout(timer));
  raw.resume();
}
