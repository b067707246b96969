import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { localStack } from '../local-stack.ts';
import { chartFolder, type Values } from './helm.ts';
import { least, merge } from './option-sets.ts';

const execute = promisify(execFile);
const { tools, kubeconfig, registry } = localStack();

const release = `redis-${process.pid.toString(36)}`;
const name = `${release}-berth-redis`;
const pod = `${name}-0`;

// Only what this is about: no Berth runs, and no node is such that a builder may.
const values: Values = merge(least, {
  together: { replicas: 0 },
  redis: { image: `${registry}/library/redis:7` },
  buildkit: { trusted: { nodeSelector: { 'berth.dev/no-such-node': 'true' } } },
  registry: { repository: `${registry}/redis-of-the-chart` },
});

describe('Redis of the chart, on a cluster', { timeout: 240_000 }, () => {
  before(async () => {
    await kubectl(['create', 'namespace', release], false);
    await helm('install', values);
    await rolledOut();
  });

  after(async () => {
    await execute(tools.helm, ['uninstall', release, '--namespace', release, '--kubeconfig', kubeconfig]).catch(
      () => undefined,
    );
    await kubectl(['delete', 'namespace', release, '--wait=false', '--ignore-not-found'], false);
  });

  it('answers nobody without its password, which no argument has', async () => {
    const password = await secret(name, 'password');
    assert.match(password, /^[A-Za-z0-9]{40}$/);
    assert.match(await inPod(['redis-cli', 'ping']), /NOAUTH/);
    assert.equal(await redis('ping'), 'PONG');
    for (const file of ['cmdline', 'environ'])
      assert.ok(!(await inPod(['cat', `/proc/1/${file}`])).includes(password), file);
  });

  it('evicts nothing, and is the first process of its container', async () => {
    assert.match(await redis('config get maxmemory-policy'), /noeviction/);
    assert.match(await inPod(['cat', '/proc/1/cmdline']), /^redis-server/);
  });

  it('keeps its data, its password and itself through an upgrade, and builders their certificates', async () => {
    assert.equal(await redis('set kept yes'), 'OK');
    const before = await whatIsKept();
    await helm('upgrade', merge(values, { labels: { changed: 'yes' }, config: { LOG_LEVEL: 'debug' } }));
    await rolledOut();
    assert.deepEqual(await whatIsKept(), before);
    assert.equal(await redis('get kept'), 'yes');
  });

  it('keeps its data when its pod is lost', async () => {
    assert.equal(await redis('set lost no'), 'OK');
    // What a second may cost, as `appendfsync everysec` says, is not what is tried here.
    assert.match(await redis('waitaof 1 0 5000'), /^1|unknown command/);
    await kubectl(['delete', 'pod', pod, '--wait']);
    await rolledOut();
    assert.equal(await redis('get lost'), 'no');
  });
});

async function whatIsKept(): Promise<unknown> {
  const uid = await kubectl(['get', 'pod', pod, '--output', 'jsonpath={.metadata.uid}']);
  const certificates = await Promise.all(
    ['server', 'client'].flatMap((side) =>
      ['ca.crt', 'tls.crt', 'tls.key'].map((key) => secret(`${release}-berth-buildkit-${side}`, key)),
    ),
  );
  return { uid, password: await secret(name, 'password'), certificates };
}

async function secret(of: string, key: string): Promise<string> {
  const output = await kubectl(['get', 'secret', of, '--output', 'json']);
  const { data } = JSON.parse(output) as { readonly data: Readonly<Record<string, string>> };
  return Buffer.from(data[key] ?? '', 'base64').toString();
}

/** Asks Redis as somebody who knows its password. */
function redis(command: string): Promise<string> {
  return inPod(['sh', '-ec', `REDISCLI_AUTH="$(cat /etc/redis-password/password)" redis-cli ${command}`]);
}

async function inPod(command: readonly string[]): Promise<string> {
  return (await kubectl(['exec', pod, '--', ...command])).trim();
}

async function rolledOut(): Promise<void> {
  await kubectl(['rollout', 'status', `statefulset/${name}`, '--timeout=120s']);
}

async function helm(verb: 'install' | 'upgrade', given: Values): Promise<void> {
  const argv = [
    verb,
    release,
    chartFolder('berth'),
    '--namespace',
    release,
    '--kubeconfig',
    kubeconfig,
    '--values',
    '-',
  ];
  const child = execute(tools.helm, argv);
  child.child.stdin?.end(JSON.stringify(given));
  await child;
}

async function kubectl(args: readonly string[], inNamespace = true): Promise<string> {
  const place = inNamespace ? ['--namespace', release] : [];
  return (await execute(tools.kubectl, ['--kubeconfig', kubeconfig, ...place, ...args])).stdout;
}
