/** The real Helm, whose API server misbehaves, and whose releases others meddle with. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { helmReleaser } from '../../src/adapters/helm/releaser.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { startFaultProxy } from '../fault-proxy.ts';
import type { Fault, RequestMatch } from '../fault-rules.ts';
import { localStack } from '../local-stack.ts';
import { type HelmStage, helmStage, templates } from './helm-stage.ts';
import { deploymentsPath } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const revision = 'c'.repeat(40);
const helmsSecrets = /\/secrets/;

/** A releaser on the same stage, beyond a proxy that misbehaves as told. */
async function disturbed(stage: HelmStage) {
  const proxy = await startFaultProxy(localStack());
  const releaser = helmReleaser({
    helmPath: localStack().tools.helm,
    cluster: { kubeconfigPath: proxy.kubeconfigPath },
    builtInChartPath: 'unused',
    directory: stage.directory,
    timeoutMs: 60_000,
  });
  return { proxy, releaser, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

/** What a reconcile does until it is deployed. */
async function converge({ releaser, state, preview }: HelmStage, request: ReleaseRequest): Promise<void> {
  if ((await state()) === 'pending') await releaser.unlock(preview.name, signal);
  await releaser.upgrade(request, signal);
  assert.equal(await state(), 'deployed');
}

async function deployAndRecord({ releaser, preview }: HelmStage, request: ReleaseRequest): Promise<void> {
  const { version, hasDeleteHooks } = await releaser.upgrade(request, signal);
  const outcome = { state: 'deployed', routes: [], hasDeleteHooks, images: [] } as const;
  await preview.cluster.recordRelease(
    await preview.fence(),
    { version, planDigest: 'plan', revision, outcome },
    signal,
  );
}

async function releaseOf({ preview: { cluster, key, name } }: HelmStage) {
  return (await cluster.observe(key, name, undefined, signal)).release;
}

async function exists({ preview: { api } }: HelmStage, path: string, name: string): Promise<boolean> {
  const { items } = await api.list<{ metadata: { name: string } }>({ path }, signal);
  return items.some(({ metadata }) => metadata.name === name);
}

describe('Helm: faults', { timeout: 200_000, concurrency: 2 }, () => {
  const lost: Fault = { do: 'drop', afterCommit: true };
  const late: Fault = { do: 'answer', status: 504, afterCommit: true };
  const cases: readonly (readonly [string, RequestMatch, Fault])[] = [
    ['the look at the server fails', { path: /^\/api$/ }, { do: 'answer', status: 500 }],
    ['the list of releases fails', { method: 'GET', path: helmsSecrets }, { do: 'answer', status: 503 }],
    ['the pending release is written, its answer lost', { method: 'POST', path: helmsSecrets }, lost],
    ['the pending release is refused', { method: 'POST', path: helmsSecrets }, { do: 'answer', status: 429 }],
    ['an object is made, its answer late', { method: 'POST', path: /\/services$/ }, late],
    ['an object is made, its answer lost', { method: 'POST', path: /\/deployments$/ }, lost],
    ['an object is not made', { method: 'POST', path: /\/deployments$/ }, { do: 'answer', status: 500 }],
  ];
  for (const [what, match, fault] of cases) {
    it(`G8 takes it for an outage that ${what}, and installs at the next try`, async () => {
      await using stage = await helmStage();
      await using it = await disturbed(stage);
      const request = await stage.chart({});
      const rule = it.proxy.fault(match, fault, 1);
      await assert.rejects(it.releaser.upgrade(request, signal), (error) => !(error instanceof DiagnosedError));
      assert.equal(rule.hits, 1);
      await converge(stage, request);
    });
  }

  for (const [what, fault] of [
    ['was lost', { do: 'drop' }],
    ['was written, its answer lost', lost],
  ] as const) {
    it(`G8 upgrades again when the end of an upgrade ${what}`, async () => {
      await using stage = await helmStage();
      await using it = await disturbed(stage);
      const request = await stage.chart({});
      await stage.releaser.upgrade(request, signal);
      const rule = it.proxy.fault({ method: 'PUT', path: /secrets\/sh\.helm\.release\.v1\.preview\.v2$/ }, fault);
      // Helm counts the deployment for more than the note about it.
      await it.releaser.upgrade(request, signal).catch((error: unknown) => assert(!(error instanceof DiagnosedError)));
      assert(rule.hits > 0);
      await converge(stage, request);
    });
  }

  it('G8 comes back from an uninstallation that the API server fails, and uninstalls at the next try', async () => {
    await using stage = await helmStage();
    await using it = await disturbed(stage);
    await stage.releaser.upgrade(await stage.chart({}), signal);
    it.proxy.fault({ method: 'DELETE', path: helmsSecrets }, { do: 'drop' });
    await it.releaser
      .uninstall(stage.preview.name, 10_000, signal)
      .catch((error: unknown) => assert(!(error instanceof DiagnosedError)));
    await stage.releaser.uninstall(stage.preview.name, 10_000, signal);
    assert.equal(await stage.state(), 'absent');
  });

  it('G2 brings back what was deleted outside: a workload, a service, the release itself', async () => {
    await using stage = await helmStage();
    const { preview } = stage;
    const request = await stage.chart({});
    await deployAndRecord(stage, request);
    assert.deepEqual(await releaseOf(stage), { state: 'deployed', planDigest: 'plan' });
    for (const path of [deploymentsPath(preview.name), corePath(preview.name, 'services')]) {
      await preview.remove(`${path}/web`);
      assert.deepEqual(await releaseOf(stage), { state: 'deployed', planDigest: undefined });
      await deployAndRecord(stage, request);
      assert(await exists(stage, path, 'web'));
      assert.deepEqual(await releaseOf(stage), { state: 'deployed', planDigest: 'plan' });
    }
    // History and all: the objects stay, and nobody but their annotations says whose they are.
    await preview.api.json({ method: 'DELETE', path: corePath(preview.name, 'secrets') }, signal);
    assert.deepEqual(await releaseOf(stage), { state: 'absent' });
    await deployAndRecord(stage, request);
    await stage.releaser.uninstall(preview.name, 10_000, signal);
    assert.deepEqual(await releaseOf(stage), { state: 'absent' });
    await deployAndRecord(stage, request);
    assert.deepEqual(await releaseOf(stage), { state: 'deployed', planDigest: 'plan' });
  });

  it('G10 deletes the namespace although its uninstall hook hangs, with what the chart wants to keep', async () => {
    await using stage = await helmStage();
    const { preview, releaser } = stage;
    const { cluster, name } = preview;
    const kept =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {"helm.sh/resource-policy": keep}}\n';
    await releaser.upgrade(await stage.chart({ ...templates['hanging delete hook'], 'kept.yaml': kept }), signal);
    const uid = await preview.uid();
    await releaser.uninstall(name, 2_000, signal);
    assert(await exists(stage, corePath(name, 'configmaps'), 'kept'));
    await cluster.deleteNamespace(name, uid, signal);
    await cluster.namespaceGone(name, uid, signal);
    assert.equal((await cluster.observe(preview.key, name, undefined, signal)).namespace.state, 'absent');
  });

  it('keeps a short history', async () => {
    await using stage = await helmStage();
    for (let nth = 0; nth < 5; nth += 1) await stage.releaser.upgrade(await stage.chart({}), signal);
    const { api, name } = stage.preview;
    const query = { labelSelector: 'owner=helm' };
    const { items } = await api.list({ path: corePath(name, 'secrets'), query }, signal);
    assert.equal(items.length, 3);
  });
});
