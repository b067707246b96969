import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesApi, kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import type { Secret } from '../../src/adapters/kubernetes/objects.ts';
import { stackAccess } from '../contract/kubernetes-stack.ts';
import { type SecretSource, secretSource } from '../contract/secret-source.ts';
import { examples, startWorld, type World } from './world.ts';

const { signal } = new AbortController();
const repo = 'acme/shop';
const giveUpMs = 90_000;

describe('a preview that somebody with rights in the cluster meddles with', { timeout: 400_000 }, () => {
  let source: SecretSource;
  let api: KubernetesApi;
  let world: World;
  let namespace: string;
  before(async () => {
    source = await secretSource();
    await source.put('database', { repositories: repo, data: { password: 'correct horse' } });
    api = kubernetesApi(stackAccess());
    world = await startWorld({
      env: { BERTH_SECRETS_NAMESPACE: source.options.namespace, BERTH_SWEEP_INTERVAL: '3s' },
    });
    world.github.createRepository({ owner: 'acme', name: 'shop', from: join(examples, 'shop') });
    const { number, headSha } = world.github.openPullRequest({ repo, changes: { 'web/site/new.txt': 'new\n' } });
    await world.running(repo, number, headSha);
    namespace = (await world.namespaces())[0]?.metadata?.name ?? '';
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await api?.close();
    await source?.[Symbol.asyncDispose]();
  });

  async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const startedAtMs = Date.now();
    while (!(await condition())) {
      assert(Date.now() - startedAtMs < giveUpMs, `${what}: not within ${giveUpMs} ms`);
      await delay(250);
    }
  }

  const policyPath = () => `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/berth`;
  const secrets = async () => (await api.list<Secret>({ path: corePath(namespace, 'secrets') }, signal)).items;
  const password = async () => {
    const copy = (await secrets()).find(({ metadata }) => metadata.name === 'database');
    return Buffer.from(copy?.data?.['password'] ?? '', 'base64').toString();
  };

  it('E10 gets its network policy back with the next sweep', async () => {
    const spec = async () => (await api.json<{ readonly spec: object }>({ path: policyPath() }, signal)).spec;
    const before = await spec();
    const body = { spec: { ingress: [{}], egress: [{}] } };
    const contentType = 'application/merge-patch+json';
    await api.json({ method: 'PATCH', path: policyPath(), contentType, body }, signal);
    assert.notDeepEqual(await spec(), before);
    await until('the policy', async () => JSON.stringify(await spec()) === JSON.stringify(before));
  });

  it('G2 gets its release back with the next sweep', async () => {
    const helms = async () => (await secrets()).filter(({ metadata }) => metadata.labels?.['owner'] === 'helm');
    for (const { metadata } of await helms()) {
      const path = `${corePath(namespace, 'secrets')}/${metadata.name}`;
      await api.json({ method: 'DELETE', path }, signal);
    }
    await until('the release', async () =>
      (await helms()).some(({ metadata }) => metadata.labels?.['status'] === 'deployed'),
    );
  });

  it('has the Secrets of its repository as long as they are given, and as they are given', async () => {
    assert.equal(await password(), 'correct horse');
    await source.put('database', { repositories: 'ACME/*', data: { password: 'battery staple' } });
    await until('the new password', async () => (await password()) === 'battery staple');
    await source.put('database', { repositories: 'acme/other', data: { password: 'battery staple' } });
    await until('the Secret to go', async () => (await password()) === '');
    assert(!world.berth.log.some((line) => /correct horse|battery staple/.test(JSON.stringify(line))));
  });
});
