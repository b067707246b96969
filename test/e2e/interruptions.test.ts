import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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
    assert.ok((await world.visit(url)).body.includes(sha));
    assert.ok(!built().includes(headSha));
    assert.equal(built().filter((revision) => revision === sha).length, 1);
  });

  it('B7 closed while Helm runs: torn down, nothing left', async () => {
    const repo = 'acme/close-in-helm';
    world.github.createRepository({ owner: 'acme', name: 'close-in-helm', from: slowRelease(300) });
    const { number } = world.github.openPullRequest({ repo });
    await hookRuns(world);
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
    assert.deepEqual(
      (await world.namespaces()).filter(({ metadata }) => metadata?.name?.includes('close-in-helm')),
      [],
    );
  });
});

/** Waits until a chart's hook has a pod, which is when Helm waits for it. */
async function hookRuns({ cluster, berth, instance }: World): Promise<void> {
  await berth.logged((line) => line.msg === 'step started' && line['step'] === 'upgrade release', 'Helm started');
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const { items } = await cluster.listPodForAllNamespaces({ labelSelector: 'job-name=slow' });
    const namespaces = await cluster.listNamespace({ labelSelector: `berth.dev/instance=${instance}` });
    const names = new Set(namespaces.items.map(({ metadata }) => metadata?.name));
    if (items.some(({ metadata }) => names.has(metadata?.namespace))) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the hook never ran');
}
