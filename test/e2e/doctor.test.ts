import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import type { Found } from '../../src/doctor/run-checks.ts';
import { neededRights } from '../../src/adapters/kubernetes/rights.ts';
import { localStack } from '../local-stack.ts';
import { startRedis } from '../redis-server.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { startReceiver } from '../simulator/receiver.ts';
import { berthEnvironment, uniqueWord } from './berth-environment.ts';
import { limitedAccount } from './limited-account.ts';
import { prepareCluster } from './prepare-cluster.ts';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly found: readonly Found[];
}

async function berth(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const child = spawn(process.execPath, [cli, ...args], { env: { ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const isJson = args.includes('--json');
  const found = isJson
    ? stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Found)
    : [];
  return { code, stdout, found };
}

/** Warnings that the local stack earns: it is old, and the gateway is outside of it. A busy machine answers late. */
const expectedWarnings = [
  /^Kubernetes v1\.2[0-4]\S* is not maintained/,
  /^Pod Security is not enforced/,
  /^the gateway's namespace/,
  /^the resolvers' namespace/,
  /^Redis .* answers in/,
];

describe('berth doctor', { timeout: 400_000 }, () => {
  const stack = localStack();
  const instance = uniqueWord('doctor');
  let dataDir: string;
  let github: Simulator;
  let admin: KubeConfig;
  let healthy: Readonly<Record<string, string>>;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'berth-doctor-'));
    github = await startSimulator();
    github.install('acme');
    admin = await prepareCluster(stack);
    healthy = berthEnvironment(stack, github, { instance, dataDir });
  });
  after(async () => {
    await github.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const trials = async () => {
    const selector = { labelSelector: `berth.dev/instance=${instance}` };
    const { items } = await admin.makeApiClient(CoreV1Api).listNamespace(selector);
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  };
  const tags = async () => {
    const response = await fetch(`http://${stack.registry}/v2/${instance}/berth-doctor/tags/list`);
    const { tags: names } = (await response.json()) as { tags?: readonly string[] | null };
    return names ?? [];
  };

  it('finds nothing wrong where everything is right, and leaves nothing behind', async () => {
    await using receiver = await startReceiver();
    github.setWebhookUrl(`${receiver.url}/webhooks/github`);
    github.ping();
    await github.deliveries.settled();
    const { code, found } = await berth(['doctor', '--json'], healthy);
    const bad = found.filter(({ level, seen }) => {
      return level === 'problem' || (level === 'warning' && !expectedWarnings.some((each) => each.test(seen)));
    });
    assert.deepEqual(bad, []);
    assert.equal(code, 0);
    const seen = found.map((each) => `${each.check}: ${each.seen}`).join('\n');
    for (const pattern of [
      /github: the last delivery arrived/,
      /redis: takes writes/,
      /kubernetes: Berth's account has all \d+ rights/,
      /images: built and pushed an image/,
      /images: BuildKit \S*\s?at \S+ for forks builds for/,
      /images: a fork's build cannot read the images of others/,
      /trial: .* pulled the image and started a pod/,
      /helm: Helm \d/,
    ]) {
      assert.match(seen, pattern);
    }
    assert.deepEqual(await trials(), []);
    assert.deepEqual(await tags(), []);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const child = spawn(process.execPath, [cli, 'doctor'], {
      env: { ...healthy },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let interrupted = false;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (interrupted || !chunk.includes('built and pushed')) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.ok(interrupted);
    assert.equal(code, 1);
    assert.deepEqual(await trials(), []);
    assert.deepEqual(await tags(), []);
  });

  it('with --read-only makes nothing at all', async () => {
    const requests = github.requests.length;
    const { code, found } = await berth(['doctor', '--json', '--read-only'], healthy);
    assert.equal(code, 0);
    assert.ok(!found.some(({ check, seen }) => check === 'trial' || seen.startsWith('built')));
    const asked = github.requests.slice(requests).filter(({ method }) => method !== 'GET');
    assert.ok(asked.every(({ path }) => path.endsWith('/access_tokens')));
  });

  it('names each thing that is wrong, all at once, with what to do', async () => {
    await using redis = await startRedis(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru']);
    await using limited = await limitedAccount(
      admin,
      neededRights('berth-deployer', undefined).filter(
        ({ resource, verb }) => resource !== 'networkpolicies' && verb !== 'bind',
      ),
    );
    const oldHelm = join(dataDir, 'old-helm');
    await writeFile(oldHelm, '#!/bin/sh\necho v3.19.0\n');
    await chmod(oldHelm, 0o755);
    const { code, found } = await berth(['doctor', '--json'], {
      ...healthy,
      BERTH_REDIS_URL: redis.url,
      BERTH_KUBECONFIG: limited.kubeconfigPath,
      BERTH_GITHUB_PRIVATE_KEY: anotherKey(),
      BERTH_PREVIEW_DOMAIN: 'previews.invalid',
      BERTH_HELM: oldHelm,
      BERTH_GIT: '/nonexistent/git',
      BERTH_DATA_DIR: '/dev/null/berth',
    });
    assert.equal(code, 1);
    const problems = found.flatMap((each) => (each.level === 'problem' ? [each] : []));
    const told = problems.map(({ check, seen, todo }) => `${check}: ${seen} → ${todo}`).join('\n');
    for (const pattern of [
      /^github: GitHub answers 401.*BERTH_GITHUB_PRIVATE_KEY/m,
      /^redis: .*maxmemory-policy is allkeys-lru → .*noeviction/m,
      /^kubernetes: .*may not: get networkpolicies\.networking\.k8s\.io, .*bind clusterroles\.rbac\S+ berth-deployer/m,
      /^images: .*BERTH_DATA_DIR/m,
      /^trial: /m,
      /^previews: .*previews\.invalid/m,
      /^helm: Helm v3\.19\.0 .*CVE-2026-35206.* → Install Helm 4\.1\.4/m,
      /^git: .*ENOENT → .*BERTH_GIT/m,
      /^data: .*BERTH_DATA_DIR/m,
    ]) {
      assert.match(told, pattern);
    }
    assert.deepEqual(await trials(), [], 'the namespace of the trial that failed is removed');
  });

  it('warns of a builder that builds for forks and for everybody else', async () => {
    const { found } = await berth(['doctor', '--json', '--read-only'], {
      ...healthy,
      BERTH_BUILDKIT_UNTRUSTED: `docker:${stack.dockerHost}`,
    });
    const warnings = found.filter(({ check, level }) => check === 'images' && level === 'warning');
    assert.match(warnings.map(({ seen }) => seen).join('\n'), /builds what strangers bring and what you trust/);
  });

  it('says which BuildKit is away, and which registry refuses a push', async () => {
    await using registry = await refusingRegistry();
    const { code, found } = await berth(['doctor', '--json'], {
      ...healthy,
      BERTH_REGISTRY: `${registry.host}/previews`,
      BERTH_BUILDKIT: `docker:unix://${dataDir}/nobody.sock,docker:${stack.dockerHost}`,
    });
    assert.equal(code, 1);
    const images = found.filter(({ check, level }) => check === 'images' && level === 'problem');
    assert.equal(images.length, 3);
    assert.match(images[0]?.seen ?? '', /nobody\.sock does not answer: connect ENOENT/);
    assert.match(images[1]?.seen ?? '', /pushing \S+\/previews\/berth-doctor\S* failed: .*(denied|403)/);
    assert.match(images[2]?.seen ?? '', /pushing \S+\/previews\/untrusted\/berth-doctor\S* failed: .*(denied|403)/);
  });

  it('reads like a page: one line for each finding, no colours in a pipe', async () => {
    const { stdout } = await berth(['doctor', '--read-only'], { ...healthy, BERTH_PREVIEW_DOMAIN: 'previews.invalid' });
    assert.ok(!stdout.includes('\u001B'));
    assert.match(stdout, /^ok {7}helm {9}Helm \d/m);
    assert.match(stdout, /^problem {2}previews .*\n {22}→ /m);
    assert.match(stdout, /\n\nBerth cannot run here yet: 1 problem.*\.\n$/);
  });

  it('tells configuration and usage apart from problems: exit code 2', async () => {
    const { code, found } = await berth(['doctor', '--json'], { ...healthy, BERTH_ROLES: 'cook', BERTH_HELLO: '1' });
    assert.equal(code, 2);
    assert.deepEqual(
      found.map(({ check, level }) => ({ check, level })),
      [
        { check: 'settings', level: 'problem' },
        { check: 'settings', level: 'problem' },
      ],
    );
  });
});

/** A registry that lets everybody in and nobody push. */
async function refusingRegistry(): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer((request, response) => {
    request.resume();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (request.url === '/v2/') response.writeHead(200).end('{}');
    else if (isRead) response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    else response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"requested access is denied"}]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function anotherKey(): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;
}
