/** Code of strangers: whose word lets it run, and which revision of it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openFork, tracesOf, waiting } from './fork.ts';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('the code of a fork', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  it('D1 is not fetched, built or run before somebody who may write has approved it; then it runs', async () => {
    const fork = openFork(world, 'stranger', page('main'), { 'index.html': 'by a stranger, @REVISION@\n' });
    const { repo, number, headSha } = fork;
    const comment = await world.commented(repo, number, waiting);
    assert.ok(comment.includes(`\n/preview approve ${headSha}\n`), comment);
    fork.approve(headSha.slice(0, 12));
    await world.commented(repo, number, /all 40 digits/);
    assert.deepEqual(await tracesOf(world, headSha), []);
    assert.deepEqual(await world.namespaces(), []);
    assert.deepEqual(world.github.deployments(repo, number), []);

    fork.approve(headSha);
    const url = await world.running(repo, number, headSha);
    await world.shows(url, `by a stranger, ${headSha}`);
    await world.commented(repo, number, /a fork's code, approved by robin/);
    const [status, ...others] = world.github.statuses(repo, number);
    assert.deepEqual(others, []);
    assert.deepEqual([status?.sha, status?.creator.login], [headSha, world.github.app.login]);
    assert.match(status?.targetUrl ?? '', /#issuecomment-\d+$/);
  });

  it('D1 is not let in by a status that somebody else writes', async () => {
    const fork = openFork(world, 'forged', page('main'), { 'index.html': 'forged\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    const forged = { context: `preview/approval (#${number})`, description: 'Approved by robin' };
    for (const author of ['robin', 'stranger', 'github-actions[bot]'])
      world.github.setStatus(repo, headSha, author, forged);
    fork.comment(`/preview approve ${headSha}`, 'stranger');
    await world.commented(repo, number, /by stranger, .*may not write/);
    assert.deepEqual(await tracesOf(world, headSha), []);
  });

  it('D2 does not run while GitHub does not tell who may approve it, and runs when it does', async () => {
    const fork = openFork(world, 'untold', page('main'), { 'index.html': 'untold\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    const fault = world.github.faults.add({
      match: { path: 'repos/get-collaborator-permission-level' },
      status: 403,
      body: { message: 'Resource not accessible by integration' },
    });
    fork.approve(headSha);
    await world.github.until(() => fault.hits > 2, { what: 'the right to be asked for, again and again' });
    assert.deepEqual(await tracesOf(world, headSha), []);
    fault.remove();
    await world.running(repo, number, headSha);
  });

  it('D3 is not approved by a member of the organisation who may not write', async () => {
    const fork = openFork(world, 'member', page('main'), { 'index.html': 'member\n' });
    const { repo, number, headSha } = fork;
    world.github.addMember('acme', 'mike');
    world.github.setPermission(repo, 'mike', 'read');
    await world.commented(repo, number, waiting);
    fork.comment(`/preview approve ${headSha}`, 'mike');
    await world.commented(repo, number, /by mike, .*may not write/);
    world.github.setPermission(repo, 'mike', 'triage');
    fork.comment(`/preview approve ${headSha}`, 'mike');
    await world.commented(repo, number, /by mike, .*may not write/);
    assert.deepEqual(await tracesOf(world, headSha), []);
  });

  it('D4 is approved for one revision only: the next one waits while the first goes on', async () => {
    const fork = openFork(world, 'pushed', page('main'), { 'index.html': 'first\n' });
    const { repo, number, headSha: first } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(first);
    const url = await world.running(repo, number, first);
    const second = world.github.push(repo, number, { 'index.html': 'second\n' });
    const comment = await world.commented(repo, number, new RegExp(`Waiting for approval.*${second.slice(0, 7)}`));
    assert.match(comment, new RegExp(`Still serving .*${first.slice(0, 7)}`));
    await world.shows(url, 'first');
    assert.deepEqual(await tracesOf(world, second), []);
    // What was approved before does not count for what came after.
    fork.approve(first);
    await world.commented(repo, number, new RegExp(`is for ${first.slice(0, 7)}, not for this revision`));
    assert.deepEqual(await tracesOf(world, second), []);
    fork.approve(second);
    await world.running(repo, number, second);
    await world.shows(url, 'second');
  });

  it('D5 is not run when something else was pushed between its approval and its fetch', async () => {
    const fork = openFork(world, 'overtaken', page('main'), { 'index.html': 'approved\n' });
    const { repo, number, headSha: approved } = fork;
    await world.commented(repo, number, waiting);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const fault = world.github.faults.add({ match: { path: /overtaken.*git-upload-pack/ }, until: released });
    fork.approve(approved);
    await world.github.until(() => fault.hits > 0, { what: 'the approved revision to be fetched' });
    const pushed = world.github.push(repo, number, { 'index.html': 'not approved\n' });
    release();
    fault.remove();
    await world.commented(repo, number, new RegExp(`Waiting for approval.*${pushed.slice(0, 7)}`));
    assert.deepEqual(await tracesOf(world, pushed), []);
    assert.ok(
      !world.berth.log.some(({ msg, revision }) => revision === approved && /build started|image built/.test(msg)),
    );
    assert.ok(!(await world.namespaces()).some(({ metadata }) => metadata?.name?.includes('overtaken')));
  });
});

describe('a Berth without builders for forks', () => {
  it('says so when one is approved, and builds nothing', async () => {
    await using world = await startWorld({ env: { BERTH_BUILDKIT_UNTRUSTED: '' } });
    const fork = openFork(world, 'unbuilt', page('main'), { 'index.html': 'never built\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(headSha);
    await world.commented(repo, number, /Failed.*\n\n.*BERTH\\?_BUILDKIT\\?_UNTRUSTED/);
    assert.ok(!world.berth.log.some(({ msg }) => msg === 'image built'));
  });
});
