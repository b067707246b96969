/** Says how this process is, to Kubernetes and to people. */
import type { FastifyInstance } from 'fastify';

/** Resolves when the part works. */
export type HealthCheck = () => Promise<unknown>;

export interface HealthOptions {
  /** Whether to say which checks failed; what went wrong never leaves the process. */
  readonly names: boolean;
}

const checkTimeoutMs = 2_000;

/**
 * Adds `GET /healthz`, which answers as long as the process can, and `GET /readyz`, 200 when every check passes and 503
 * otherwise. With names also `GET /readyz/<name>`, the same for one check: previews are served while Redis is away.
 */
export function addHealth(
  app: FastifyInstance,
  checks: Readonly<Record<string, HealthCheck>>,
  { names }: HealthOptions,
): void {
  // Whoever asks meanwhile shares the look, so that asking often costs the parts nothing.
  let looking: Promise<Results> | undefined;
  const look = (): Promise<Results> => {
    looking ??= resultsOf(checks).finally(() => (looking = undefined));
    return looking;
  };
  app.get('/healthz', (_, reply) => reply.send({ status: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    const results = await look();
    const isReady = Object.values(results).every((result) => result === 'ok');
    return reply
      .code(isReady ? 200 : 503)
      .send({ status: isReady ? 'ok' : 'unavailable', ...(names && { checks: results }) });
  });
  if (!names) return;
  for (const name of Object.keys(checks)) {
    app.get(`/readyz/${name}`, async (_, reply) => {
      const result = (await look())[name];
      return reply
        .code(result === 'ok' ? 200 : 503)
        .send({ status: result === 'ok' ? 'ok' : 'unavailable', checks: { [name]: result } });
    });
  }
}

type Results = Readonly<Record<string, 'ok' | 'failed'>>;

async function resultsOf(checks: Readonly<Record<string, HealthCheck>>): Promise<Results> {
  const entries = Object.entries(checks);
  return Object.fromEntries(await Promise.all(entries.map(async ([name, check]) => [name, await resultOf(check)])));
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
