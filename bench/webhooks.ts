/** Berth's webhook server and Probot, one after the other, under the same load on the same Redis. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { LocalStack } from '../deploy/local/stack.ts';
import { run } from '../src/process.ts';
import { berthEnvironment, uniqueWord } from '../test/e2e/berth-environment.ts';
import { residentMib } from './memory.ts';
import type { ProbotOrder } from './probot-server.ts';
import { type ServerProcess, type ServerStart, startServer } from './server-process.ts';
import type { LoadOrder, LoadReport } from './webhook-load.ts';

export interface WebhookResult extends LoadReport {
  /** Resident, right after the load. */
  readonly memoryMib: number;
}

export interface WebhookResults {
  readonly berth: WebhookResult;
  readonly probot: WebhookResult;
}

const load = { perSecond: 500, seconds: 20, warmUpSeconds: 5, pullRequests: 1_000 } as const;
const secret = randomBytes(20).toString('hex');
const programs = {
  berth: fileURLToPath(new URL('../src/main.ts', import.meta.url)),
  probot: fileURLToPath(new URL('./probot-server.ts', import.meta.url)),
  load: fileURLToPath(new URL('./webhook-load.ts', import.meta.url)),
};

export async function measureWebhooks(
  stack: LocalStack,
  dataDir: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<WebhookResults> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const app = { id: 1, privateKey, webhookSecret: secret };
  const berthInstance = uniqueWord('bench');
  const berth = await measured(
    {
      program: programs.berth,
      env: {
        // Nobody is there: a server only takes webhooks.
        ...berthEnvironment(stack, { apiUrl: 'http://127.0.0.1:9', app }, { instance: berthInstance, dataDir }),
        BERTH_ROLES: 'server',
        BERTH_LOG_LEVEL: 'info',
      },
      input: null,
    },
    { path: '/webhooks/github', redisUrl: stack.redisUrl, prefix: `{${berthInstance}}` },
    signal,
  );
  say(`webhooks: Berth took ${berth.taken} of ${berth.sent}, p99 ${berth.p99Ms.toFixed(1)} ms`);
  const prefix = `{${uniqueWord('bench')}}`;
  const { redisUrl } = stack;
  const order: ProbotOrder = { port: await freePort(), appId: app.id, privateKey, secret, redisUrl, prefix };
  const probot = await measured(
    { program: programs.probot, env: { NODE_ENV: 'production' }, input: order },
    { path: '/api/github/webhooks', redisUrl, prefix },
    signal,
  );
  say(`webhooks: Probot took ${probot.taken} of ${probot.sent}, p99 ${probot.p99Ms.toFixed(1)} ms`);
  return { berth, probot };
}

async function measured(
  start: ServerStart,
  { path, redisUrl, prefix }: { readonly path: string; readonly redisUrl: string; readonly prefix: string },
  signal: AbortSignal,
): Promise<WebhookResult> {
  try {
    const server = await startServer(start);
    try {
      const report = await putUnderLoad(server, path, signal);
      return { ...report, memoryMib: residentMib(server.pid) };
    } finally {
      await server.stop();
    }
  } finally {
    await forget(redisUrl, prefix);
  }
}

async function putUnderLoad({ port }: ServerProcess, path: string, signal: AbortSignal): Promise<LoadReport> {
  const order: LoadOrder = { ...load, url: `http://127.0.0.1:${port}${path}`, secret };
  const input = JSON.stringify(order);
  const { stdout } = await run(process.execPath, [programs.load], { signal, env: {}, input, timeoutMs: 120_000 });
  return JSON.parse(stdout) as LoadReport;
}

/** Removes every key with this prefix. */
async function forget(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
  } finally {
    redis.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
