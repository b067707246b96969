import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

const repo = 'acme/ten';

describe('workers that are replaced one after the other', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  it('F7 a rolling restart during ten running previews loses nothing', async () => {
    const { github } = world;
    github.createRepository({ owner: 'acme', name: 'ten', from: page('ten') });
    const old = [world.berth, await world.startAnother()];
    const pulls = Array.from({ length: 10 }, () => github.openPullRequest({ repo }));
    const urls = await Promise.all(pulls.map(({ number, headSha }) => world.running(repo, number, headSha)));

    // Every preview is at work while the processes change: half of them build, the others only deploy.
    const heads = pulls.map(({ number }) =>
      github.push(repo, number, number % 2 === 0 ? changedPage(number) : { 'README.md': `${number}\n` }),
    );
    for (const process of old) {
      await world.startAnother();
      await process.stop('SIGTERM');
      assert.deepEqual(childrenOf(process.pid), [], 'no program outlives its worker');
    }
    await world.restart('SIGTERM');

    for (const [index, { number }] of pulls.entries()) {
      const head = heads[index] ?? '';
      assert.equal(await world.running(repo, number, head), urls[index], 'a preview keeps its address');
      // A push that changes no image leaves the page as it was built.
      await world.shows(urls[index] ?? '', number % 2 === 0 ? head : 'ten');
      assert.equal(github.comments(repo, number).length, 1);
      const active = await github.until(
        () => {
          const left = github.deployments(repo, number).filter(({ statuses }) => statuses.at(-1)?.state !== 'inactive');
          return left.length === 1 ? left : undefined;
        },
        { what: 'older deployments to be inactive' },
      );
      assert.deepEqual(
        active.map(({ sha, statuses }) => [sha, statuses.at(-1)?.state]),
        [[head, 'success']],
      );
      assert.ok(
        github.deployments(repo, number).every(({ statuses }) => statuses.every(({ state }) => state !== 'failure')),
        'nobody was told of a failure',
      );
    }
    assert.equal((await world.namespaces()).length, pulls.length);
  });
});

function changedPage(number: number): Readonly<Record<string, string>> {
  const { Dockerfile = '', ...files } = page(`ten, changed ${number}`);
  return { ...files, Dockerfile: Dockerfile.replace('ARG', 'RUN sleep 1\nARG') };
}

/** What the process had started and that runs still, by what it says in its environment. */
function childrenOf(pid: number): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'utf8').includes(`BERTH_PARENT=${pid}.`);
      } catch {
        return false;
      }
    })
    .map((name) => readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' '));
}
