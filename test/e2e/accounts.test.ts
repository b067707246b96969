import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { berthEnvironment } from './berth-environment.ts';
import { launchBerth, type LaunchedBerth } from './berth-process.ts';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('a GitHub App that others have installed, too', () => {
  let world: World;
  let berth: LaunchedBerth | undefined;
  before(async () => {
    world = await startWorld({ env: { BERTH_GITHUB_ACCOUNTS: 'acme' } });
  });
  after(async () => {
    await berth?.stop();
    await world[Symbol.asyncDispose]();
  });

  it('serves the accounts that are named, and removes what there is of one that is named no longer', async () => {
    const { github } = world;
    github.createRepository({ owner: 'acme', name: 'served', from: page('served') });
    github.createRepository({ owner: 'stranger', name: 'ignored', from: page('ignored') });
    const theirs = github.openPullRequest({ repo: 'stranger/ignored' });
    const ours = github.openPullRequest({ repo: 'acme/served' });
    const url = await world.running('acme/served', ours.number, ours.headSha);
    await world.shows(url, ours.headSha);
    assert.equal((await world.namespaces()).length, 1);
    assert.deepEqual(github.comments('stranger/ignored', theirs.number), []);

    await world.berth.stop();
    const before = github.comments('acme/served', ours.number);
    berth = await launchBerth({
      ...berthEnvironment(world.stack, github, { instance: world.instance, dataDir: `${world.directory}/later` }),
      BERTH_GITHUB_ACCOUNTS: 'Stranger',
    });
    await world.running('stranger/ignored', theirs.number, theirs.headSha);
    while ((await namespacesOf(world)).includes('acme')) await delay(500);
    assert.deepEqual(await namespacesOf(world), ['stranger']);
    assert.deepEqual(github.comments('acme/served', ours.number), before);
  });
});

/** Whose they are. */
async function namespacesOf(world: World): Promise<readonly string[]> {
  return (await world.namespaces()).map(({ metadata }) =>
    metadata?.name?.includes('served')
      ? 'acme'
      : metadata?.name?.includes('ignored')
        ? 'stranger'
        : String(metadata?.name),
  );
}
