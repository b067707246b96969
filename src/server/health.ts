/** Says how this process is, to Kubernetes and to people. */
import type { FastifyInstance } from 'fastify';

/** Resolves when the part works. */
export type HealthCheck = () => Promise<unknown>;

const checkTimeoutMs = 2_000;

/**
 * Adds `GET /healthz`, which answers as long as the process can, and `GET /readyz`, 200 when every check passes and 503
 * with their names otherwise. What went wrong stays out of the answer: anybody may ask.
 */
export function addHealth(app: FastifyInstance, checks: Readonly<Record<string, HealthCheck>>): void {
  app.get('/healthz', (_, reply) => reply.send({ status: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    const entries = Object.entries(checks);
    const results = await Promise.all(entries.map(async ([name, check]) => [name, await resultOf(check)] as const));
    const isReady = results.every(([, result]) => result === 'ok');
    return reply
      .code(isReady ? 200 : 503)
      .send({ status: isReady ? 'ok' : 'unavailable', checks: Object.fromEntries(results) });
  });
}

async function resultOf(check: HealthCheck): Promise<'ok' | 'failed'> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('too late')), checkTimeoutMs);
  try {
    await Promise.race([check(), late]);
    return 'ok';
  } catch {
    // The part itself logs what is wrong with it; asked every few seconds, this would only repeat it.
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}
