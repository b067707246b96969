/** The HTTP server for those who run Berth: how the process is, and what it has counted. Not for the public. */
import { type FastifyInstance, fastify } from 'fastify';
import type { Logger } from 'pino';
import { addHealth, type HealthCheck } from './health.ts';

export interface OperationsOptions {
  /** What must work for `/readyz`, by name. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log: Pick<Logger, 'error'>;
}

/** Makes the server, which the caller tells to listen and to close. */
export function buildOperations({ checks, metrics, log }: OperationsOptions): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 1_024, forceCloseConnections: 'idle' });
  addHealth(app, checks);
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: 'not found' }));
  app.setErrorHandler((err, request, reply) => {
    log.error({ err, path: request.routeOptions.url }, 'request failed');
    return reply.code(500).send({ error: 'internal error' });
  });
  return app;
}
