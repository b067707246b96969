import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { neededRights } from '../../src/adapters/kubernetes/rights.ts';
import { frugal, type InstalledWorld, startInstalledWorld } from '../installed/installed-world.ts';
import { rightOf, rightsOf } from '../installed/rights-of.ts';
import { visiting } from '../installed/visiting.ts';
import { uniqueWord } from './berth-environment.ts';
import { page, slowPage } from './repositories.ts';
import { examples } from './world.ts';

const roles = ['server', 'worker', 'gateway', 'sweep'] as const;
const twoOfEach = {
  together: { enabled: false },
  ...Object.fromEntries(roles.map((role) => [role, { replicas: 2, resources: frugal }])),
};

describe('Berth installed by its chart', { timeout: 900_000 }, () => {
  const shop = 'acme/shop';
  const slow = 'acme/slow';
  let world: InstalledWorld;
  /** Previews that live through upgrades, the removal of Berth, and its return. */
  let lasting: readonly { readonly number: number; readonly headSha: string }[];
  let urls: readonly string[];
  before(async () => {
    world = await startInstalledWorld();
    world.github.createRepository({ owner: 'acme', name: 'shop', from: join(examples, 'shop') });
    world.github.createRepository({ owner: 'acme', name: 'slow', from: page('slow') });
    await world.install();
  });
  after(() => world?.[Symbol.asyncDispose]());

  it('is healthy, by one short file of values', async () => {
    await world.berth.test();
    const findings = await world.berth.execute('worker', ['berth', 'doctor', '--json']);
    assert.doesNotMatch(findings, /"level":"problem"/);
    assert.match(findings, /pulled the image and started a pod/);
  });

  it('serves a pull request from its opening to its end', () => fromOpeningToEnd(world, shop));

  it('loses nothing when its roles are parted while previews are being built', async () => {
    lasting = Array.from({ length: 4 }, (_, index) =>
      world.github.openPullRequest({ repo: slow, changes: slowPage(`slow ${index}`, 6) }),
    );
    await Promise.all(lasting.map(({ number }) => world.commented(slow, number, /[Bb]uilding/)));
    await world.install(twoOfEach);
    urls = await Promise.all(lasting.map(({ number, headSha }) => world.running(slow, number, headSha)));
    await everyoneServes(
      world,
      lasting.map(({ headSha }) => headSha),
    );
  });

  it('serves a pull request with two replicas of each role', () => fromOpeningToEnd(world, shop));

  it('gives each role the rights that it needs, and no other', async () => {
    for (const role of roles) {
      const needed = neededRights(`${world.berth.name}-deployer`, undefined, [role]).map(rightOf);
      assert.deepEqual(await rightsOf(world.berth, `${world.berth.name}-${role}`), [...new Set(needed)].sort(), role);
    }
    assert.doesNotMatch(await world.berth.logs(), /is forbidden: User/);
  });

  it('is upgraded while previews are being built and looked at, and nobody notices', async () => {
    const [watched, ...busy] = lasting;
    assert(watched);
    const earlier = world.github.deliveries.all.length;
    await using visitor = await visiting(() => world.visit(urls[0] ?? ''));
    const push = (number: number, text: string, seconds: number) =>
      world.github.push(slow, number, slowPage(`${text} ${number}`, seconds));
    const changed = busy.map(({ number }) => push(number, 'changed', 6));
    await world.install({ ...twoOfEach, config: { ...world.config, LOG_LEVEL: 'info' } });
    const latest = busy.map(({ number }, index) =>
      index === 0 ? push(number, 'changed again', 1) : (changed[index] ?? ''),
    );
    const now = await Promise.all(busy.map(({ number }, index) => world.running(slow, number, latest[index] ?? '')));
    assert.deepEqual(now, urls.slice(1), 'previews keep their addresses');
    await everyoneServes(world, [watched.headSha, ...latest]);
    assert.deepEqual(await visitor.refused(), [], 'the gateway was there all the time');
    await world.github.deliveries.settled();
    const sent = world.github.deliveries.all.slice(earlier);
    const lost = sent.filter(({ statusCode }) => statusCode !== 202);
    assert.deepEqual(
      lost.map(({ event, status }) => [event, status]),
      [],
      'so was the door for webhooks',
    );
  });

  it('leaves nothing but previews when it is uninstalled, and finds them when it is back', async () => {
    await world.berth.uninstall();
    assert.deepEqual(await world.berth.objects(), [`persistentvolumeclaim/data-${world.berth.name}-redis-0`]);
    assert.equal((await world.previews()).length, lasting.length);
    await world.install();
    const [first] = lasting;
    assert(first);
    const head = world.github.push(slow, first.number, page('back again'));
    assert.equal(await world.running(slow, first.number, head), urls[0]);
    for (const { number } of lasting) world.github.closePullRequest(slow, number);
    await Promise.all(lasting.map(({ number }) => world.commented(slow, number, /The preview is removed/)));
    assert.deepEqual(await world.previews(), []);
  });

  /** Each of the lasting previews shows its revision, says so, and has never been told to have failed. */
  async function everyoneServes({ github }: InstalledWorld, revisions: readonly string[]): Promise<void> {
    for (const [index, { number }] of lasting.entries()) {
      const revision = revisions[index] ?? '';
      await world.shows(urls[index] ?? '', revision);
      await world.commented(slow, number, new RegExp(`Open the preview[^]*${revision.slice(0, 7)}`));
      assert.equal(github.comments(slow, number).length, 1, 'one comment, edited in place');
      const told = github.deployments(slow, number).flatMap(({ statuses }) => statuses);
      assert.deepEqual(
        told.filter(({ state }) => state === 'failure' || state === 'error'),
        [],
      );
    }
    assert.equal((await world.previews()).length, lasting.length);
  }
});

/** The main job. */
async function fromOpeningToEnd(world: InstalledWorld, repo: string): Promise<void> {
  const { github } = world;
  // Nobody has built this before, in whose image another revision would be written.
  const text = uniqueWord('new');
  const { number, headSha } = github.openPullRequest({ repo, changes: { 'web/site/new.txt': text } });
  const url = await world.running(repo, number, headSha);
  await world.shows(url, headSha);
  const pushed = github.push(repo, number, { 'web/site/new.txt': `${text}er` });
  assert.equal(await world.running(repo, number, pushed), url, 'the URL stays');
  await world.shows(url, pushed);
  assert.equal(github.comments(repo, number).length, 1, 'one comment, edited in place');
  github.closePullRequest(repo, number);
  await world.commented(repo, number, /The preview is removed/);
  const left = (await world.previews()).map(({ metadata }) => metadata?.name ?? '');
  assert.deepEqual(
    left.filter((name) => name.startsWith(`pr-${number}-shop`)),
    [],
  );
}
