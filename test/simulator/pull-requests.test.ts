import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { installationClient, refusal } from './client.ts';
import { startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };
const repo = 'acme/shop';

async function start() {
  const simulator = await startSimulator();
  simulator.createRepository({ owner: 'acme', name: 'shop', from: { 'a.txt': '1\n2\n', 'src/b.txt': 'b\n' } });
  const client = installationClient(simulator, 'acme');
  const get = async (pull_number: number) =>
    (await client.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', { ...repository, pull_number })).data;
  return { simulator, client, get };
}

describe('pull requests', () => {
  it('follow pushes, closing, opening again and merging', async () => {
    const { simulator, get } = await start();
    await using _ = simulator;
    const { number, headSha } = simulator.openPullRequest({ repo, changes: { 'a.txt': '1\n3\n' } });
    assert.equal((await get(number)).head.sha, headSha);
    const pushed = simulator.push(repo, number, { 'c.txt': 'c\n' });
    assert.equal((await get(number)).head.sha, pushed);
    simulator.push(repo, number, {}, { force: headSha });
    assert.equal((await get(number)).head.sha, headSha);
    simulator.closePullRequest(repo, number);
    assert.equal((await get(number)).state, 'closed');
    simulator.reopen(repo, number);
    const merge = simulator.merge(repo, number);
    const merged = await get(number);
    assert.equal(merged.merged, true);
    assert.equal(merged.merge_commit_sha, merge);
  });

  it('are closed with their branch, and know what was pushed meanwhile when they are opened again', async () => {
    const { simulator, get } = await start();
    await using _ = simulator;
    const { number, branch } = simulator.openPullRequest({ repo });
    simulator.closePullRequest(repo, number);
    const later = simulator.push(repo, number, { 'later.txt': 'later\n' });
    assert.notEqual((await get(number)).head.sha, later);
    simulator.reopen(repo, number);
    assert.equal((await get(number)).head.sha, later);
    simulator.deleteBranch(repo, branch);
    assert.equal((await get(number)).state, 'closed');
  });

  it('have different commits even when they change the same', async () => {
    const { simulator } = await start();
    await using _ = simulator;
    const same = { repo, title: 'Same', changes: { 'same.txt': 'same\n' } };
    assert.notEqual(simulator.openPullRequest(same).headSha, simulator.openPullRequest(same).headSha);
  });

  it('say null for mergeable first, and what it came to later', async () => {
    const { simulator, get } = await start();
    await using _ = simulator;
    const { number } = simulator.openPullRequest({ repo, changes: { 'a.txt': 'mine\n' } });
    assert.equal((await get(number)).mergeable, null);
    assert.equal((await get(number)).mergeable, true);
    simulator.pushBranch(repo, 'main', { 'a.txt': 'theirs\n' });
    assert.equal((await get(number)).mergeable, null);
    assert.equal((await get(number)).mergeable, false);
  });

  it('list the files they change', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    simulator.openPullRequest({ repo, changes: { 'a.txt': '1\n3\n', 'src/b.txt': null, 'new/c.txt': 'c\n' } });
    const path = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/files';
    const { data } = await client.request(path, { ...repository, pull_number: 1 });
    assert.deepEqual(
      data.map(({ filename, status, additions, deletions }) => [filename, status, additions, deletions]),
      [
        ['a.txt', 'modified', 1, 1],
        ['new/c.txt', 'added', 1, 0],
        ['src/b.txt', 'removed', 0, 1],
      ],
    );
  });

  it('lose their head repository when the fork is deleted', async () => {
    const { simulator, get } = await start();
    await using _ = simulator;
    const { number } = simulator.openPullRequest({ repo, fromFork: 'stranger' });
    assert.equal((await get(number)).head.repo?.full_name, 'stranger/shop');
    simulator.deleteFork('stranger/shop');
    assert.equal((await get(number)).head.repo, null);
  });

  it('tell who may write from who may not', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    simulator.setPermission(repo, 'maintainer', 'maintain');
    simulator.openPullRequest({ repo, fromFork: 'stranger' });
    const permission = async (username: string) =>
      (
        await client.request('GET /repos/{owner}/{repo}/collaborators/{username}/permission', {
          ...repository,
          username,
        })
      ).data;
    assert.equal((await permission('maintainer')).permission, 'write');
    assert.equal((await permission('maintainer')).role_name, 'maintain');
    assert.equal((await permission('stranger')).permission, 'none');
    assert.equal((await refusal(permission('nobody-at-all'))).status, 404);
  });

  it('give the contents of files at any of their commits', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo, changes: { '.berth.yaml': 'ttl: 7d\n' } });
    const path = 'GET /repos/{owner}/{repo}/contents/{path}';
    const raw = { ...repository, path: '.berth.yaml', ref: headSha, mediaType: { format: 'raw' } };
    assert.equal((await client.request(path, raw)).data, 'ttl: 7d\n');
    assert.equal((await refusal(client.request(path, { ...repository, path: '.berth.yaml' }))).status, 404);
    const { data } = await client.request(path, { ...repository, path: '' });
    assert.deepEqual(
      (data as { name: string; type: string }[]).map(({ name, type }) => [name, type]),
      [
        ['a.txt', 'file'],
        ['src', 'dir'],
      ],
    );
  });

  it('can be waited for, and the wait that fails says what there is', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { number } = simulator.openPullRequest({ repo });
    const path = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    const commented = simulator.until(() => simulator.comments(repo, number)[0], { what: 'a comment' });
    await client.request(path, { ...repository, issue_number: number, body: 'ready' });
    assert.equal((await commented).body, 'ready');
    const never = simulator.until(() => simulator.checkRuns(repo, number).length > 0, {
      what: 'a check run',
      timeoutMs: 20,
    });
    await assert.rejects(
      never,
      /waiting for a check run: not within 20 ms[^]*comment on 1 by berth-preview\[bot\]: ready/,
    );
  });

  it('have a page for people, on which nothing is markup', async () => {
    const { simulator } = await start();
    await using _ = simulator;
    const { htmlUrl } = simulator.openPullRequest({ repo, title: '<script>alert(1)</script>' });
    const text = await (await fetch(htmlUrl)).text();
    assert.ok(text.includes('&lt;script&gt;'));
    assert.ok(!text.includes('<script>'));
  });
});
