/** The HTTP server that GitHub and Kubernetes talk to. */
import type { FastifyInstance } from 'fastify';
import type { Telemetry } from '../telemetry.ts';
import { bareServer } from './bare-server.ts';
import type { HealthCheck } from './health.ts';
import { addHealth } from './health.ts';
import { type RefusalOptions, refusals } from './refusals.ts';
import type { WebhookOptions } from './webhook.ts';
import { addWebhook, signedEventOf, webhookPath } from './webhook.ts';

export interface ServerOptions extends Omit<WebhookOptions, 'refusals'>, Omit<RefusalOptions, 'log'> {
  /** What must work for `/readyz`, by name. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** How long a request may take to arrive; GitHub gives up after 10 s. */
  readonly requestTimeoutMs?: number;
  readonly telemetry?: Pick<Telemetry, 'delivered' | 'refused'>;
}

/**
 * Makes the server, which the caller tells to listen and to close.
 * @throws when a webhook secret is missing or weak.
 */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { log, requestTimeoutMs = 10_000 } = options;
  const refusing = refusals(options);
  const app = bareServer({
    log,
    requestTimeoutMs,
    onUnknown: (request, reply) => refusing.refuse(request, reply, 404, 'not found'),
  });
  const { telemetry } = options;
  app.addHook('onResponse', async (request, { statusCode, elapsedTime }) => {
    if (request.routeOptions.url === webhookPath) telemetry?.delivered(signedEventOf(request), statusCode, elapsedTime);
    else if (statusCode >= 400 && statusCode < 500) telemetry?.refused(statusCode);
  });
  // Whoever knows the address of the webhooks may ask this, so it does not say which part it is.
  addHealth(app, options.checks, { names: false });
  addWebhook(app, { ...options, refusals: refusing });
  return app;
}
