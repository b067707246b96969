import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { kubeConfigAccess } from '../../src/adapters/kubernetes/kube-config.ts';
import type { KubernetesObject } from '../../src/adapters/kubernetes/objects.ts';
import { page, slowPage, slowRelease } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('an event in the middle of the work', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  const buildStarted = (revision: string) =>
    world.berth.logged((line) => line.msg === 'build started' && line['revision'] === revision, 'the build started');
  const built = () => world.berth.log.filter(({ msg }) => msg === 'image built').map((line) => line['revision']);

  it('B6 closed in the middle of a build: the build stops and nothing is left', async () => {
    const repo = 'acme/close-in-build';
    world.github.createRepository({ owner: 'acme', name: 'close-in-build', from: slowPage('slow', 300) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await buildStarted(headSha);
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
    await world.berth.logged(
      (line) => line.msg === 'build stopped' && line['revision'] === headSha,
      'the build stopped',
    );
    assert.deepEqual(await world.namespaces(), []);
    assert.ok(!built().includes(headSha));
  });

  it('F3 pushed in the middle of a build: only the newest revision is built', async () => {
    const repo = 'acme/push-in-build';
    world.github.createRepository({ owner: 'acme', name: 'push-in-build', from: slowPage('slow', 300) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await buildStarted(headSha);
    const sha = world.github.push(repo, number, page('quick'));
    const url = await world.running(repo, number, sha);
    await world.shows(url, sha);
    assert.ok(!built().includes(headSha));
    assert.equal(built().filter((revision) => revision === sha).length, 1);
  });

  it('B7 closed while Helm runs: torn down, nothing left', async () => {
    const repo = 'acme/close-in-helm';
    world.github.createRepository({ owner: 'acme', name: 'close-in-helm', from: slowRelease(300) });
    const { number } = world.github.openPullRequest({ repo });
    await hookRuns(world, 'close-in-helm');
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
    assert.deepEqual(
      (await world.namespaces()).filter(({ metadata }) => metadata?.name?.includes('close-in-helm')),
      [],
    );
  });
});

/** Waits until the hook of a chart in a namespace with that name in it has a pod, which is when Helm waits for it. */
async function hookRuns({ stack }: World, name: string): Promise<void> {
  const api = kubernetesApi(await kubeConfigAccess(stack.kubeconfig));
  // Without a version to start from, a watch begins with what is there.
  const request = { path: '/api/v1/pods', query: { labelSelector: 'job-name=slow' } };
  try {
    for await (const { object } of api.watch<KubernetesObject>(request, AbortSignal.timeout(60_000))) {
      if (object.metadata.namespace?.includes(name)) return;
    }
  } finally {
    await api.close();
  }
}
