/** Berth's webhook server and Probot, one after the other, under the same load on the same Redis. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { builtBerth } from '../deploy/local/program.ts';
import type { LocalStack } from '../deploy/local/stack.ts';
import { run } from '../src/process.ts';
import { berthEnvironment, type GitHubCoordinates, uniqueWord } from '../test/e2e/berth-environment.ts';
import type { ProbotOrder } from './probot-server.ts';
import { processorMs, residentMib } from './process-figures.ts';
import { removeKeys } from './redis-keys.ts';
import { type ServerProcess, type ServerStart, startServer } from './server-process.ts';
import { median } from './statistics.ts';
import type { LoadOrder, LoadReport } from './webhook-load.ts';

/** One pass over one server. */
export interface WebhookPass extends LoadReport {
  /** Resident, right after the load. */
  readonly memoryMib: number;
  /** Processor time of the server for each webhook, its start left out. */
  readonly processorMs: number;
}

/** Medians of the passes, but for `maxMs`, which is the worst of all. */
export interface WebhookResult extends WebhookPass {
  readonly passes: readonly WebhookPass[];
}

export interface WebhookResults {
  readonly berth: WebhookResult;
  readonly probot: WebhookResult;
}

interface Measured {
  readonly start: ServerStart;
  readonly path: string;
  readonly prefix: string;
}

const load = { perSecond: 500, seconds: 20, warmUpSeconds: 5, pullRequests: 1_000 } as const;
const secret = randomBytes(20).toString('hex');
const programs = {
  probot: fileURLToPath(new URL('./probot-server.ts', import.meta.url)),
  load: fileURLToPath(new URL('./webhook-load.ts', import.meta.url)),
};

/** Each pass starts both servers afresh, taking turns at being first; each has a queue of its own. */
export async function measureWebhooks(
  stack: LocalStack,
  dataDir: string,
  passes: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<WebhookResults> {
  const app = { id: 1, privateKey: newPrivateKey(), webhookSecret: secret };
  const prepare = {
    Berth: async () => berth(stack, app, dataDir),
    Probot: async () => probot(stack, app, await freePort()),
  };
  const results: Record<keyof typeof prepare, WebhookPass[]> = { Berth: [], Probot: [] };
  for (let pass = 1; pass <= passes; pass += 1) {
    const order = pass % 2 === 1 ? (['Berth', 'Probot'] as const) : (['Probot', 'Berth'] as const);
    for (const name of order) {
      const result = await measure(stack.redisUrl, await prepare[name](), signal);
      results[name].push(result);
      say(`webhooks, pass ${pass}: ${name} took ${result.taken} of ${result.sent}, p99 ${result.p99Ms.toFixed(1)} ms`);
    }
  }
  return { berth: summary(results.Berth), probot: summary(results.Probot) };
}

async function berth(stack: LocalStack, app: GitHubCoordinates['app'], dataDir: string): Promise<Measured> {
  const instance = uniqueWord('bench');
  // Nobody is at that address: a server only takes webhooks.
  const env = berthEnvironment(stack, { apiUrl: 'http://127.0.0.1:9', app }, { instance, dataDir });
  return {
    start: {
      program: await builtBerth(),
      env: { ...env, BERTH_ROLES: 'server', BERTH_LOG_LEVEL: 'info', NODE_ENV: 'production' },
      input: null,
    },
    path: '/webhooks/github',
    prefix: `{${instance}}`,
  };
}

function probot({ redisUrl }: LocalStack, app: GitHubCoordinates['app'], port: number): Measured {
  const prefix = `{${uniqueWord('bench')}}`;
  const { id: appId, privateKey } = app;
  const order: ProbotOrder = { port, appId, privateKey, secret, redisUrl, prefix };
  return {
    start: { program: programs.probot, env: { NODE_ENV: 'production' }, input: order },
    path: '/api/github/webhooks',
    prefix,
  };
}

async function measure(redisUrl: string, { start, path, prefix }: Measured, signal: AbortSignal): Promise<WebhookPass> {
  try {
    const server = await startServer(start);
    try {
      const before = processorMs(server.pid);
      const report = await putUnderLoad(server, path, signal);
      const webhooks = load.perSecond * (load.seconds + load.warmUpSeconds);
      const spentMs = (processorMs(server.pid) - before) / webhooks;
      return { ...report, memoryMib: residentMib(server.pid), processorMs: spentMs };
    } finally {
      await server.stop();
    }
  } finally {
    await removeKeys(redisUrl, prefix);
  }
}

function summary(passes: readonly WebhookPass[]): WebhookResult {
  const of = (field: keyof WebhookPass) => passes.map((pass) => pass[field]);
  return {
    sent: median(of('sent')),
    taken: median(of('taken')),
    perSecond: median(of('perSecond')),
    p50Ms: median(of('p50Ms')),
    p99Ms: median(of('p99Ms')),
    maxMs: Math.max(...of('maxMs')),
    memoryMib: median(of('memoryMib')),
    processorMs: median(of('processorMs')),
    passes,
  };
}

async function putUnderLoad({ port }: ServerProcess, path: string, signal: AbortSignal): Promise<LoadReport> {
  const order: LoadOrder = { ...load, url: `http://127.0.0.1:${port}${path}`, secret };
  const input = JSON.stringify(order);
  const { stdout } = await run(process.execPath, [programs.load], { signal, env: {}, input, timeoutMs: 120_000 });
  return JSON.parse(stdout) as LoadReport;
}

function newPrivateKey(): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;
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
