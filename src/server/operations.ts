/** The HTTP server for those who run Berth: how the process is, and what it has counted. Not for the public. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { bareServer } from './bare-server.ts';
import { addHealth, type HealthCheck } from './health.ts';

export interface OperationsOptions {
  /** What must work for `/readyz`, by name. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log: Pick<Logger, 'error' | 'debug'>;
}

/** Makes the server, which the caller tells to listen and to close. */
export function buildOperations({ checks, metrics, log }: OperationsOptions): FastifyInstance {
  const app = bareServer({ log, requestTimeoutMs: 5_000 });
  addHealth(app, checks, { names: true });
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
