import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeploymentReport, Forge } from '../../../src/ports.ts';
import type { Fault } from '../../simulator/http/faults.ts';
import { startGithub } from './github.ts';
import { always, opened, retryAt, signal, states, texts } from './opened.ts';

type Subject = Awaited<ReturnType<typeof opened>>;

const limited = { status: 429, headers: { 'retry-after': '0' }, body: { message: 'Too many requests' } };
const faults: readonly { readonly name: string; readonly fault: Fault }[] = [
  { name: 'dropped before it is done', fault: { dropConnection: true } },
  { name: 'dropped when it is done', fault: { dropConnection: true, afterCommit: true } },
  { name: 'answered by 502 when it is done', fault: { status: 502, afterCommit: true } },
  { name: 'answered by 500', fault: { status: 500 } },
  { name: 'answered by 503', fault: { status: 503 } },
  { name: 'answered by 409', fault: { status: 409, body: { message: 'Conflict' } } },
  { name: 'answered by 429', fault: limited },
  { name: 'answered by nonsense when it is done', fault: { change: () => ({ status: 201, body: { id: 'x' } }) } },
  { name: 'delayed', fault: { delayMs: 150 } },
];

const say =
  (text: string) =>
  (forge: Forge, { key }: Subject) =>
    forge.writeComment(key, text, always, signal);
const deploy =
  (state: DeploymentReport['state']) =>
  (forge: Forge, { key, revision }: Subject) =>
    forge.writeDeployment(key, { revision, state, description: 'Running', environmentUrl: undefined }, signal);

const writes = [
  { name: 'a comment', path: 'issues/create-comment', before: undefined, write: say('ready') },
  { name: 'the change of a comment', path: 'issues/update-comment', before: say('building'), write: say('ready') },
  { name: 'a deployment', path: 'repos/create-deployment', before: undefined, write: deploy('success') },
  { name: 'its first status', path: 'repos/create-deployment-status', before: undefined, write: deploy('success') },
  {
    name: 'its next status',
    path: 'repos/create-deployment-status',
    before: deploy('in_progress'),
    write: deploy('success'),
  },
  {
    name: 'its last status',
    path: 'repos/create-deployment-status',
    before: deploy('success'),
    write: (forge: Forge, { key }: Subject) => forge.retireDeployments(key, signal),
  },
] as const;

/** What people see: one comment at most, one deployment at most and its state. */
function shown({ github, key }: Subject) {
  return { comments: texts(github, key), deployments: states(github, key).map((each) => each.at(-1)) };
}

describe('a write', () => {
  for (const { name, path, before, write } of writes) {
    for (const { name: how, fault } of faults) {
      it(`C6 ${name}, ${how}, is there once and right in the end`, async () => {
        await using clean = await opened();
        await before?.(clean.github.forge(), clean);
        await write(clean.github.forge(), clean);
        await using subject = await opened();
        const { github } = subject;
        await before?.(github.forge(), subject);
        const struck = github.simulator.faults.add({ match: { path }, times: 1, ...fault });
        // The one dies with it or is told to try again; the other is what comes after it.
        await write(github.forge(), subject).catch(() => undefined);
        assert.equal(struck.hits, 1);
        await write(github.forge(), subject);
        assert.deepEqual(shown(subject), shown(clean));
        const writesBefore = github.writes();
        await write(github.forge(), subject);
        assert.equal(github.writes(), writesBefore, 'nothing is left to write');
      });
    }
  }

  it('C6 that is done after we gave up on it leaves one comment in the end', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    let now = Date.now();
    const options = { cache: github.cacheWith({ now: () => now }), timeoutMs: 250 };
    github.simulator.faults.add({ match: { path: 'issues/create-comment' }, times: 1, delayMs: 900 });
    await assert.rejects(github.forge(options).writeComment(key, 'building', always, signal), /cannot be reached/);
    const forge = github.forge({ ...options, timeoutMs: 30_000 });
    await forge.writeComment(key, 'ready', always, signal);
    await github.simulator.until(() => texts(github, key).length === 2, { what: 'the late comment' });
    now += 11 * 60_000;
    await forge.writeComment(key, 'ready', always, signal);
    assert.deepEqual(texts(github, key), ['ready']);
  });

  it('C6 that is done after we gave up on it leaves one active deployment in the end', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    let now = Date.now();
    const options = { cache: github.cacheWith({ now: () => now }), timeoutMs: 250 };
    github.simulator.faults.add({ match: { path: 'repos/create-deployment' }, times: 1, delayMs: 900 });
    await assert.rejects(deploy('in_progress')(github.forge(options), subject), /cannot be reached/);
    const forge = github.forge({ ...options, timeoutMs: 30_000 });
    await deploy('success')(forge, subject);
    await github.simulator.until(() => states(github, key).length === 2, { what: 'the late deployment' });
    now += 11 * 60_000;
    await deploy('success')(forge, subject);
    assert.deepEqual(
      states(github, key)
        .map((each) => each.at(-1))
        .toSorted(),
      ['inactive', 'success'],
    );
    await forge.retireDeployments(key, signal);
    assert.deepEqual(
      states(github, key).map((each) => each.at(-1)),
      ['inactive', 'inactive'],
    );
  });

  it('ends soon when it is aborted, however long GitHub takes', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    github.simulator.faults.add({ match: { path: 'issues/create-comment' }, delayMs: 20_000 });
    const reason = new Error('superseded');
    const stop = new AbortController();
    const writing = forge.writeComment(key, 'x', always, stop.signal);
    setTimeout(() => stop.abort(reason), 100);
    const before = performance.now();
    await assert.rejects(writing, (error) => error === reason);
    assert.ok(performance.now() - before < 5_000);
  });
});

describe('two workers', () => {
  it('C6 that both find no comment leave one, at once', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    // Long enough that each of them has looked before the first is done.
    github.simulator.faults.add({ match: { path: 'issues/create-comment' }, times: 3, delayMs: 1_500 });
    await Promise.all(['one', 'two', 'three'].map((text) => say(text)(github.forge(), subject)));
    const created = github.simulator.requests.filter(({ operation }) => operation === 'issues/create-comment');
    assert.equal(created.length, 3);
    assert.equal(texts(github, key).length, 1);
    await say('four')(github.forge(), subject);
    assert.deepEqual(texts(github, key), ['four']);
  });

  it('F2 leave the right word, whichever of them was heard last', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await say('ready')(forge, subject);
    // Another one, with a memory of its own.
    await say('stale')(github.forge({ cache: github.cacheWith({ now: () => Date.now() }) }), subject);
    assert.deepEqual(texts(github, key), ['stale']);
    await say('ready')(forge, subject);
    assert.deepEqual(texts(github, key), ['ready']);
  });

  it('F2 leave the right state of a deployment, whichever of them was heard last', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await deploy('success')(forge, subject);
    // Another one, with a memory of its own.
    await deploy('in_progress')(github.forge({ cache: github.cacheWith({ now: () => Date.now() }) }), subject);
    assert.equal(states(github, key)[0]?.at(-1), 'in_progress');
    await deploy('success')(forge, subject);
    assert.deepEqual(states(github, key), [['success', 'in_progress', 'success']]);
  });
});

describe('a deployment that GitHub refuses', () => {
  const unknown = 'f'.repeat(40);
  const report = {
    revision: unknown,
    state: 'in_progress',
    description: 'Building',
    environmentUrl: undefined,
  } as const;

  it('B11 of a revision that is not the head any more is left out', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await github.forge().writeDeployment(key, report, signal);
    assert.deepEqual(states(github, key), []);
    await deploy('success')(github.forge(), subject);
    assert.deepEqual(states(github, key), [['success']]);
  });

  it('of the head is tried a few times, then given up, since the preview itself is well', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const fault = github.simulator.faults.add({
      match: { path: 'repos/create-deployment' },
      status: 422,
      body: { message: 'No ref found' },
    });
    // One that has seen the pull request before, as every pass has.
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    for (let count = 0; count < 3; count += 1) {
      const at = await retryAt(deploy('success')(forge, subject));
      assert.ok(Math.abs(at - Date.now() - 30_000) < 5_000);
    }
    await deploy('success')(forge, subject);
    assert.ok(github.logged.includes('deployment not shown'));
    fault.remove();
    await deploy('success')(github.forge(), subject);
    assert.deepEqual(states(github, key), [['success']]);
  });
});

describe('tokens', () => {
  it('C1 one that ends between two pages is renewed once', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    for (let count = 0; count < 204; count += 1) github.simulator.openPullRequest({ repo: id });
    const forge = github.forge();
    const [repository] = await forge.repositories(signal);
    assert.ok(repository);
    let pages = 0;
    github.simulator.faults.add({
      match: { path: 'pulls/list' },
      change(answer) {
        pages += 1;
        if (pages === 1) github.simulator.world.tokens.clear();
        return answer;
      },
    });
    github.requests();
    assert.equal((await forge.openPullRequests(repository, signal)).length, 205);
    const renewals = github.requests().filter((each) => each.includes('access-token'));
    assert.equal(renewals.length, 1);
  });

  it('C1 one that ends for many at the same time is renewed once, and each of them succeeds', async () => {
    await using github = await startGithub();
    const { id } = github.simulator.createRepository({ owner: 'acme', name: 'shop' });
    const keys = Array.from({ length: 12 }, () => ({
      repositoryId: id,
      number: github.simulator.openPullRequest({ repo: id }).number,
    }));
    const forge = github.forge();
    await Promise.all(keys.map((key) => forge.pullRequest(key, signal)));
    github.simulator.world.tokens.clear();
    github.requests();
    await Promise.all(keys.map((key) => say('ready')(forge, { github, key } as Subject)));
    assert.deepEqual(
      keys.map((key) => texts(github, key)),
      keys.map(() => ['ready']),
    );
    assert.equal(github.requests().filter((each) => each.includes('access-token')).length, 1);
  });
});
