/** Whom GitHub says to trust, where the contract of all forges cannot show it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RefusedError } from '../../../src/adapters/github/refused-error.ts';
import type { PreviewKey } from '../../../src/domain/preview.ts';
import { type Github, startGithub } from './github.ts';

const { signal } = new AbortController();
const url = 'https://github.test/acme/shop/pull/1#issuecomment-1';

async function opened() {
  const github = await startGithub();
  const { id } = github.simulator.createRepository({ owner: 'acme', name: 'shop' });
  const { number, headSha } = github.simulator.openPullRequest({ repo: id, fromFork: 'stranger' });
  const key: PreviewKey = { repositoryId: id, number };
  return { ...github, id, key, revision: headSha, [Symbol.asyncDispose]: () => github[Symbol.asyncDispose]() };
}

describe('approvals on GitHub', () => {
  it('are commit statuses that people can read, by the environment and the pull request', async () => {
    await using github = await opened();
    const { simulator, id, key, revision } = github;
    await github.forge().recordApproval(key, { revision, by: 'robin', url }, signal);
    const [status, ...others] = simulator.statuses(id, key.number);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [status?.sha, status?.state, status?.context, status?.description, status?.targetUrl, status?.creator.login],
      [revision, 'success', 'preview/approval (#1)', 'Approved by robin', url, simulator.app.login],
    );
  });

  for (const forger of ['stranger', 'mona', 'github-actions[bot]', 'other-preview[bot]']) {
    it(`D1 do not count when ${forger} writes them`, async () => {
      await using github = await opened();
      const { simulator, id, key, revision } = github;
      const forged = { context: 'preview/approval (#1)', description: 'Approved by mona', targetUrl: url };
      simulator.setStatus(id, revision, forger, forged);
      assert.equal(await github.forge().approval(key, revision, signal), undefined);
    });
  }

  it('cannot be taken back or hidden by the statuses of others', async () => {
    await using github = await opened();
    const { simulator, id, key, revision } = github;
    const forge = github.forge();
    await forge.recordApproval(key, { revision, by: 'robin', url }, signal);
    simulator.setStatus(id, revision, 'mona', { context: 'preview/approval (#1)', state: 'failure' });
    for (let count = 0; count < 250; count += 1) simulator.setStatus(id, revision, 'mona', { context: `ci/${count}` });
    assert.equal((await forge.approval(key, revision, signal))?.by, 'robin');
  });

  it('count only as long as our newest one says so', async () => {
    await using github = await opened();
    const { simulator, id, key, revision } = github;
    const forge = github.forge();
    for (const change of [
      { state: 'failure' },
      { description: 'Approved by' },
      { description: null },
      { description: 'Not approved by robin' },
      { description: 'Approved by robin, almost' },
    ]) {
      await forge.recordApproval(key, { revision, by: 'robin', url }, signal);
      assert.equal((await forge.approval(key, revision, signal))?.by, 'robin');
      const text = { context: 'preview/approval (#1)', description: 'Approved by robin', targetUrl: url, ...change };
      simulator.setStatus(id, revision, simulator.app.login, text);
      assert.equal(await forge.approval(key, revision, signal), undefined, JSON.stringify(change));
    }
  });

  it('of another environment of the same App do not count', async () => {
    await using github = await opened();
    const { key, revision } = github;
    await github.forge({ environment: 'staging' }).recordApproval(key, { revision, by: 'robin', url }, signal);
    assert.equal(await github.forge().approval(key, revision, signal), undefined);
  });

  it('name nobody who cannot be an account', async () => {
    await using github = await opened();
    const { key, revision } = github;
    const given = { revision, by: 'robin and everybody else', url };
    await assert.rejects(github.forge().recordApproval(key, given, signal), /no login/);
    assert.equal(github.writes(), 0);
  });

  it('cost nothing to ask for again', async () => {
    await using github = await opened();
    const { key, revision, simulator } = github;
    const forge = github.forge();
    await forge.approval(key, revision, signal);
    const { length } = simulator.requests;
    await forge.approval(key, revision, signal);
    assert.deepEqual(
      simulator.requests.slice(length).map(({ operation, status }) => [operation, status]),
      [['repos/list-commit-statuses-for-ref', 304]],
    );
  });
});

describe('rights on GitHub', () => {
  it('are those of the account, however its name is written', async () => {
    await using github = await opened();
    github.simulator.setPermission(github.id, 'Robin', 'write');
    assert.equal(await github.forge().mayWrite(github.id, 'rObIN', signal), true);
  });

  it('of accounts that an enterprise manages are asked for, too', async () => {
    await using github = await opened();
    github.simulator.setPermission(github.id, 'robin_acme', 'write');
    assert.equal(await github.forge().mayWrite(github.id, 'robin_acme', signal), true);
  });

  it('are no question for names that are no account: GitHub is not even asked', async () => {
    await using github = await opened();
    const forge = github.forge();
    await forge.mayWrite(github.id, 'robin', signal);
    github.requests();
    for (const login of ['', '..', '../..', 'robin/permission#', 'dependabot[bot]', 'a'.repeat(101), 'robin\n'])
      assert.equal(await forge.mayWrite(github.id, login, signal), false);
    assert.deepEqual(github.requests(), []);
  });

  for (const [what, fault] of [
    ['forbids to ask', { status: 403, body: { message: 'Resource not accessible by integration' } }],
    ['answers without a level', { status: 200, body: {} }],
    ['answers with a level that nobody knows', { status: 200, body: { permission: 'owner' } }],
    ['is down', { status: 502 }],
    ['hangs up', { dropConnection: true }],
  ] as const) {
    it(`D2 are not known when GitHub ${what}`, async () => {
      await using github = await opened();
      const { simulator, id } = github;
      simulator.setPermission(id, 'robin', 'admin');
      simulator.faults.add({ match: { path: 'repos/get-collaborator-permission-level' }, ...fault });
      await assert.rejects(github.forge().mayWrite(id, 'robin', signal));
    });
  }

  it('D2 are not remembered while GitHub does not tell', async () => {
    await using github = await opened();
    const { simulator, id } = github;
    const forge = github.forge();
    simulator.setPermission(id, 'robin', 'admin');
    assert.equal(await forge.mayWrite(id, 'robin', signal), true);
    simulator.faults.add({ match: { path: 'repos/get-collaborator-permission-level' }, status: 403 });
    await assert.rejects(forge.mayWrite(id, 'robin', signal), RefusedError);
  });
});

describe('commands on GitHub', () => {
  it('are none of programs, and none that a program writes in the name of a person', async () => {
    await using github = await opened();
    const { simulator, id, key } = github;
    simulator.comment(id, key.number, 'github-actions[bot]', '/preview approve');
    const comment = simulator.comment(id, key.number, 'robin', '/preview approve');
    assert.equal((await github.forge().commandComments(key, signal)).length, 1);
    Object.assign(simulator.world.repository(id).comments.get(comment) ?? {}, { viaApp: true });
    assert.deepEqual(await github.forge().commandComments(key, signal), []);
  });

  it('of great length are cut, so that nothing that is left is a command', async () => {
    await using github = await opened();
    const { simulator, id, key } = github;
    const command = `/preview approve ${github.revision}`;
    simulator.comment(id, key.number, 'robin', `${'\n'.repeat(2_000 - command.length)}${command}, or rather not`);
    simulator.comment(id, key.number, 'robin', `${'x'.repeat(60_000)} ${command}`);
    const comments = await github.forge().commandComments(key, signal);
    assert.deepEqual(
      comments.map(({ body }) => body.trim()),
      [`${command}…`],
    );
  });

  it('take a handful of requests, however many comments a stranger writes', async () => {
    await using github = await opened();
    const { simulator, id, key } = github;
    for (let count = 0; count < 2_050; count += 1) simulator.comment(id, key.number, 'stranger', 'first!');
    simulator.comment(id, key.number, 'mona', '/preview approve');
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    github.requests();
    assert.equal((await forge.commandComments(key, signal)).length, 1);
    assert.deepEqual(github.requests(), Array<string>(5).fill('GET issues/list-comments'));
    const { length } = simulator.requests;
    await forge.commandComments(key, signal);
    assert.deepEqual(
      simulator.requests.slice(length).map(({ status }) => status),
      Array<number>(5).fill(304),
    );
    simulator.comment(id, key.number, 'mona', '/preview approve');
    assert.equal((await forge.commandComments(key, signal)).length, 2);
  });

  it('are found after thousands of comments were deleted', async () => {
    await using github = await opened();
    const { simulator, id, key } = github;
    for (let count = 0; count < 99; count += 1) simulator.comment(id, key.number, 'mona', 'hm');
    simulator.comment(id, key.number, 'mona', '/preview approve');
    const noise = Array.from({ length: 1_500 }, () => simulator.comment(id, key.number, 'stranger', 'first!'));
    const forge = github.forge();
    assert.equal((await forge.commandComments(key, signal)).length, 0);
    for (const comment of noise) simulator.deleteComment(id, comment);
    // Of the first page nothing is new: GitHub may say so, and nothing about how many there are.
    assert.equal((await forge.commandComments(key, signal)).length, 1);
  });

  it('do not make us follow an address', async () => {
    await using github = await opened();
    const { simulator, id, key } = github;
    simulator.comment(id, key.number, 'mona', '/preview approve');
    const link = '<https://elsewhere.test/x?page=9007199254740993>; rel="last"';
    simulator.faults.add({
      match: { path: 'issues/list-comments' },
      change: (answer) => ({ ...answer, headers: { ...answer.headers, link } }),
    });
    assert.equal((await github.forge().commandComments(key, signal)).length, 1);
  });
});

describe('an answer that is kept', () => {
  it('is not given for another question about the same pull request', async () => {
    await using github: Github & { key: PreviewKey } = await opened();
    const forge = github.forge();
    const { key, simulator } = github;
    await forge.writeComment(key, 'Write /preview approve', { onlyExisting: false }, signal);
    simulator.comment(key.repositoryId, key.number, 'mona', '/preview approve');
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await forge.commandComments(key, signal)).length, 1);
      await github.cache.forget(`comment:${key.repositoryId}-${key.number}`);
      await forge.writeComment(key, 'Write /preview approve', { onlyExisting: false }, signal);
      assert.equal((await forge.commandComments(key, signal)).length, 1);
    }
    assert.equal(simulator.comments(key.repositoryId, key.number).length, 2);
  });
});
