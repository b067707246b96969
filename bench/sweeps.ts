/** What a sweep costs when nothing has changed: a whole Berth that has nothing else to do, and a thousand previews. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pino } from 'pino';
import { builtBerth } from '../deploy/local/program.ts';
import type { LocalStack } from '../deploy/local/stack.ts';
import { githubForge } from '../src/adapters/github/forge.ts';
import { ownLabels } from '../src/adapters/kubernetes/ownership.ts';
import { connectRedis } from '../src/adapters/redis/connection.ts';
import { redisStore } from '../src/adapters/redis/store.ts';
import { keyId, type PreviewKey } from '../src/domain/preview.ts';
import type { Store } from '../src/ports.ts';
import { settledKey, settledValue } from '../src/reconcile/settled.ts';
import { apiServer, reply } from '../test/adapters/kubernetes/api-server.ts';
import { berthEnvironment, uniqueWord } from '../test/e2e/berth-environment.ts';
import { type Simulator, startSimulator } from '../test/simulator/simulator.ts';
import { processorMs, residentMib } from './process-figures.ts';
import { removeKeys } from './redis-keys.ts';

export interface SweepResult {
  readonly open: number;
  readonly closed: number;
  readonly repositories: number;
  /** Requests to GitHub in each sweep, sending deliveries again included; the first follows the start. */
  readonly requests: readonly number[];
  /** Processor time of Berth from the end of one sweep to the end of the next. */
  readonly processorMs: readonly number[];
  /** Resident, after the last one. */
  readonly memoryMib: number;
}

const size = { repositories: 10, open: 100, closed: 20 } as const;
const interval = '10s';
const { signal: never } = new AbortController();

export async function measureSweeps(stack: LocalStack, directory: string, sweeps: number): Promise<SweepResult> {
  const instance = uniqueWord('bench');
  const prefix = `{${instance}}`;
  // What GitHub itself costs is not the subject: the simulator does not check what it is sent here.
  await using github = await startSimulator({ validate: false });
  fill(github);
  const redis = await connectRedis({ url: stack.redisUrl }, pino({ level: 'silent' }));
  try {
    const namespaces = await settleEverything(github, redisStore(redis.client, prefix), instance);
    await using kubernetes = await apiServer((request, response, { pathname }) => {
      if (request.method === 'GET' && pathname === '/api/v1/namespaces') reply(response, 200, namespaces);
      else reply(response, 404, { kind: 'Status', code: 404 });
    });
    const kubeconfig = join(directory, 'sweeps.kubeconfig');
    await writeFile(kubeconfig, kubernetes.kubeConfig.exportConfig());
    const env = {
      ...berthEnvironment(stack, github, { instance, dataDir: join(directory, 'sweeps') }),
      BERTH_ROLES: 'sweep',
      BERTH_LOG_LEVEL: 'info',
      BERTH_SWEEP_INTERVAL: interval,
      BERTH_KUBECONFIG: kubeconfig,
    };
    return await watchSweeps(github, env, sweeps);
  } finally {
    await redis.close();
    await removeKeys(stack.redisUrl, prefix);
  }
}

function fill(github: Simulator): void {
  for (let nth = 0; nth < size.repositories; nth += 1) {
    const repo = `acme/repository-${nth}` as const;
    github.createRepository({ owner: 'acme', name: `repository-${nth}` });
    for (let count = 0; count < size.open; count += 1) github.openPullRequest({ repo });
    for (let count = 0; count < size.closed; count += 1) {
      github.closePullRequest(repo, github.openPullRequest({ repo }).number);
    }
  }
}

/** Writes down that every pull request is as it should be. @returns what Kubernetes lists: a namespace for each open one. */
async function settleEverything(github: Simulator, store: Store, instance: string): Promise<object> {
  const clock = { now: () => Date.now() };
  const forge = githubForge({
    apiUrl: github.apiUrl,
    appId: github.app.id,
    privateKey: github.app.privateKey,
    environment: 'preview',
    cache: store,
    clock,
    log: pino({ level: 'silent' }),
  });
  const items: object[] = [];
  for (const repository of await forge.repositories(never)) {
    for (const pullRequest of await forge.openPullRequests(repository, never)) {
      const { key } = pullRequest;
      await store.set(settledKey(key), settledValue(pullRequest, keyId(key)), 3_600_000);
      items.push(namespace(instance, key));
    }
    for (const pullRequest of await forge.recentlyClosed(repository, never)) {
      await store.set(settledKey(pullRequest.key), settledValue(pullRequest, undefined), 3_600_000);
    }
  }
  return { kind: 'NamespaceList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items };
}

function namespace(instance: string, key: PreviewKey): object {
  const id = keyId(key);
  const annotations = {
    'berth.dev/repository': 'acme/shop',
    'berth.dev/fence': '12',
    'berth.dev/revision': '5'.repeat(40),
    'berth.dev/prepared': 'a'.repeat(64),
    'berth.dev/release': JSON.stringify({ version: 3, planDigest: 'b'.repeat(64), state: 'deployed' }),
    'berth.dev/routes': JSON.stringify([{ name: 'web', service: 'web', port: 80 }]),
    'berth.dev/images': JSON.stringify([`sha256:${'c'.repeat(64)}`]),
  };
  const labels = { ...ownLabels(instance, key), 'kubernetes.io/metadata.name': `pr-${id}` };
  return { metadata: { name: `pr-${id}`, uid: id, resourceVersion: '1', labels, annotations } };
}

async function watchSweeps(
  github: Simulator,
  env: Readonly<Record<string, string>>,
  sweeps: number,
): Promise<SweepResult> {
  const child = spawn(process.execPath, [await builtBerth()], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'close');
  const pid = child.pid ?? 0;
  const requests: number[] = [];
  const spent: number[] = [];
  let [asked, usedMs] = [github.requests.length, 0];
  let memoryMib = Number.NaN;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, ...fields } = JSON.parse(line) as { readonly msg: string; readonly triggered?: number };
      if (msg !== 'swept') continue;
      if (fields.triggered !== 0) throw new Error(`a sweep found ${fields.triggered} previews changed`);
      requests.push(github.requests.length - asked);
      spent.push(processorMs(pid) - usedMs);
      [asked, usedMs] = [github.requests.length, processorMs(pid)];
      memoryMib = residentMib(pid);
      if (requests.length > sweeps) break;
    }
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
  if (requests.length <= sweeps) throw new Error(`Berth ended after ${requests.length} sweeps`);
  return {
    open: size.repositories * size.open,
    closed: size.repositories * size.closed,
    repositories: size.repositories,
    requests,
    processorMs: spent,
    memoryMib,
  };
}
