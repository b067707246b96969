import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { page } from './repositories.ts';
import { examples, startWorld, type World } from './world.ts';

describe('a pull request from its opening to its end', () => {
  const repo = 'acme/shop';
  let world: World;
  let number: number;
  let url: string;
  before(async () => {
    world = await startWorld();
    world.github.createRepository({ owner: 'acme', name: 'shop', from: join(examples, 'shop') });
  });
  after(() => world[Symbol.asyncDispose]());

  const builds = () => world.berth.log.filter(({ msg }) => msg === 'image built').length;
  const helmRuns = () => world.berth.log.filter((line) => line['step'] === 'upgrade release').length;

  it('opened: the URL on the pull request serves the commit', async () => {
    const { number: opened, headSha } = world.github.openPullRequest({
      repo,
      changes: { 'web/site/new.txt': 'new\n' },
    });
    number = opened;
    url = await world.running(repo, number, headSha);
    const { status, body } = await world.visit(url);
    assert.equal(status, 200);
    assert.ok(body.includes(headSha), 'the page shows the commit it was built from');
    const api = await world.visit(url, '/cgi-bin/visits');
    assert.equal(api.status, 200, api.body);
    const comment = await world.commented(repo, number, /Open the preview/);
    assert.ok(comment.includes(url));
    assert.equal(builds(), 2);
  });

  it('pushed: an image that changed is built, the other is not, and the new commit is served', async () => {
    const sha = world.github.push(repo, number, { 'web/site/new.txt': 'newer\n' });
    assert.equal(await world.running(repo, number, sha), url, 'the URL stays');
    await world.shows(url, sha);
    assert.equal(builds(), 3);
    assert.equal(world.github.comments(repo, number).length, 1, 'one comment, edited in place');
  });

  it('pushed without a change to any image: nothing is built and Helm does not run', async () => {
    const before = { builds: builds(), helmRuns: helmRuns() };
    const sha = world.github.push(repo, number, { 'README.md': 'words\n' });
    await world.running(repo, number, sha);
    assert.deepEqual({ builds: builds(), helmRuns: helmRuns() }, before);
    await world.commented(repo, number, new RegExp(sha.slice(0, 7)));
  });

  it('older deployments are inactive, the newest is not', async () => {
    const states = await world.github.until(
      () => {
        const all = world.github.deployments(repo, number).map(({ statuses }) => statuses.at(-1)?.state);
        return all.slice(0, -1).every((state) => state === 'inactive') ? all : undefined;
      },
      { what: 'older deployments to be inactive' },
    );
    assert.deepEqual(states, ['inactive', 'inactive', 'success']);
  });

  it('closed: nothing with our labels is left, and the pull request says so', async () => {
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
    assert.deepEqual(await world.namespaces(), []);
    await world.github.until(
      () => world.github.deployments(repo, number).every(({ statuses }) => statuses.at(-1)?.state === 'inactive'),
      { what: 'every deployment to be inactive' },
    );
    const { status, body } = await world.visit(url);
    assert.equal(status, 404);
    assert.match(body, /removed/i);
  });
});

describe('a repository with a Dockerfile and nothing else', () => {
  it('gets a preview without any configuration', async () => {
    await using world = await startWorld();
    const repo = 'acme/page';
    world.github.createRepository({ owner: 'acme', name: 'page', from: join(examples, 'single') });
    const { number, headSha } = world.github.openPullRequest({ repo });
    const url = await world.running(repo, number, headSha);
    const { status, body } = await world.visit(url);
    assert.equal(status, 200);
    assert.ok(body.includes(headSha));
  });
});

describe('two pull requests at once', () => {
  it('do not touch each other', async () => {
    await using world = await startWorld();
    const repo = 'acme/two';
    world.github.createRepository({ owner: 'acme', name: 'two', from: page('main') });
    const one = world.github.openPullRequest({ repo, changes: { 'index.html': 'one\n' } });
    const two = world.github.openPullRequest({ repo, changes: { 'index.html': 'two\n' } });
    const [urlOne, urlTwo] = await Promise.all([
      world.running(repo, one.number, one.headSha),
      world.running(repo, two.number, two.headSha),
    ]);
    assert.notEqual(urlOne, urlTwo);
    assert.equal((await world.visit(urlOne)).body, 'one\n');
    assert.equal((await world.visit(urlTwo)).body, 'two\n');
    world.github.closePullRequest(repo, one.number);
    await world.removed(repo, one.number);
    assert.equal((await world.visit(urlTwo)).body, 'two\n');
    assert.equal((await world.namespaces()).length, 1);
  });
});
