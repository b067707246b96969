import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryLaterError } from '../../../src/domain/errors.ts';
import { startGithub, systemClock } from './github.ts';
import { always, opened, openPullRequest, retryAt, signal, texts } from './opened.ts';

describe('tokens', () => {
  it('C1 one that ends in the middle is renewed once, and the request succeeds', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    github.simulator.world.tokens.clear();
    github.requests();
    assert.equal((await forge.pullRequest(key, signal))?.state, 'open');
    assert.deepEqual(github.requests(), [
      'GET pulls/get',
      'POST apps/create-installation-access-token',
      'GET pulls/get',
    ]);
  });

  it('C1 an installation whose new tokens are refused too is an error, not a loop', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    const fault = github.simulator.faults.add({
      match: { path: 'pulls/get' },
      status: 401,
      body: { message: 'Bad credentials' },
    });
    await assert.rejects(forge.pullRequest(key, signal), /does not accept a new token/);
    assert.equal(fault.hits, 2);
  });

  it('an answer that is larger than anything GitHub says is not read to its end', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await assert.rejects(
      github.forge({ maxAnswerBytes: 2_048 }).pullRequest(key, signal),
      /^Error: GET \S+: the answer is larger than 2 KiB$/,
    );
    assert.equal((await github.forge().pullRequest(key, signal))?.state, 'open');
  });

  it("C8 GitHub's clock ahead or behind is tolerated", async () => {
    for (const offsetMs of [-45_000, 5 * 60_000]) {
      await using subject = await opened();
      const { github, id, key } = subject;
      github.simulator.setClockOffset(offsetMs);
      const forge = github.forge();
      assert.equal((await forge.pullRequest(key, signal))?.state, 'open', `${offsetMs}`);
      assert.ok(await forge.cloneToken(id, signal));
    }
  });

  it('C8 an App token that GitHub finds too long is made anew by the clock of GitHub', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const fault = github.simulator.faults.add({
      match: { path: 'apps/create-installation-access-token' },
      times: 1,
      status: 401,
      headers: { date: new Date(Date.now() - 30_000).toUTCString() },
      body: { message: "'Expiration time' claim ('exp') is too far in the future" },
    });
    assert.equal((await github.forge().pullRequest(key, signal))?.state, 'open');
    assert.equal(fault.hits, 1);
  });

  it('for cloning reads the contents of the one repository and nothing else', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    github.simulator.createRepository({ owner: 'acme', name: 'secrets' });
    const token = github.simulator.world.tokens.get(await github.forge().cloneToken(id, signal));
    assert.deepEqual(token?.permissions, { contents: 'read', metadata: 'read' });
    assert.deepEqual([...(token?.repositoryIds ?? [])], [id]);
  });

  it('for cloning are kept while they are good for ten more minutes', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    let now = Date.now();
    const forge = github.forge({ clock: { now: () => now } });
    const first = await forge.cloneToken(id, signal);
    now += 49 * 60_000;
    assert.equal(await forge.cloneToken(id, signal), first);
    now += 2 * 60_000;
    assert.notEqual(await forge.cloneToken(id, signal), first);
  });

  it('are asked for once by many at the same time', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    const forge = github.forge();
    const keys = Array.from({ length: 20 }, () => openPullRequest(github, id));
    github.requests();
    await Promise.all(keys.map((key) => forge.pullRequest(key, signal)));
    const counted = github.requests();
    assert.equal(counted.filter((request) => request.includes('access-token')).length, 1);
    assert.equal(counted.filter((request) => request.includes('list-installations')).length, 1);
    assert.equal(counted.filter((request) => request.includes('list-repos')).length, 1);
  });
});

describe('rate limits', () => {
  it('C2 403 with nothing remaining: come back at the reset, and ask nothing before', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    const fault = github.simulator.faults.primaryRateLimit({ match: { path: 'pulls/get' }, resetInSeconds: 600 });
    const before = Date.now();
    const at = await retryAt(forge.pullRequest(key, signal));
    assert.ok(at - before > 598_000 && at - before < 605_000, `${at - before}`);
    await retryAt(forge.pullRequest(key, signal));
    await retryAt(forge.writeComment(key, 'x', always, signal));
    assert.equal(fault.hits, 1);
  });

  it('C2 one installation at its limit does not stop another', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const otherKey = openPullRequest(github, github.simulator.createRepository({ owner: 'other', name: 'api' }).id);
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    github.simulator.faults.primaryRateLimit({ match: { path: 'pulls/get' }, times: 1 });
    await retryAt(forge.pullRequest(key, signal));
    assert.equal((await forge.pullRequest(otherKey, signal))?.state, 'open');
  });

  it('C3 a secondary limit waits as long as it says', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    github.simulator.faults.secondaryRateLimit({ match: { path: 'issues/create-comment' }, retryAfterSeconds: 17 });
    const at = await retryAt(github.forge().writeComment(key, 'x', always, signal));
    assert.ok(Math.abs(at - Date.now() - 17_000) < 2_000);
  });

  it('C3 a secondary limit that does not say waits a minute, then longer, and a minute again after success', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    let now = Date.now();
    const forge = github.forge({ clock: { now: () => now } });
    await forge.pullRequest(key, signal);
    github.simulator.faults.secondaryRateLimit({ match: { path: 'pulls/get' }, times: 3 });
    const waits: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      const at = await retryAt(forge.pullRequest(key, signal));
      waits.push(at - now);
      now = at;
    }
    assert.deepEqual(waits, [60_000, 120_000, 240_000]);
    await forge.pullRequest(key, signal);
    github.simulator.faults.secondaryRateLimit({ match: { path: 'pulls/get' }, times: 1 });
    assert.equal((await retryAt(forge.pullRequest(key, signal))) - now, 60_000);
  });

  it('a missing permission is no rate limit, and no absence', async () => {
    await using subject = await opened({ app: { permissions: { metadata: 'read' } } });
    const { github, key } = subject;
    await assert.rejects(github.forge().pullRequest(key, signal), { name: 'RefusedError', status: 403 });
  });
});

describe('reading', () => {
  it('C4 404 just after a pull request was opened is asked again', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const fault = github.simulator.faults.add({
      match: { path: 'pulls/get' },
      times: 2,
      status: 404,
      body: { message: 'Not Found' },
    });
    assert.equal((await github.forge().pullRequest(key, signal))?.state, 'open');
    assert.equal(fault.hits, 2);
  });

  it('C4 404 that stays is believed within two seconds', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    const before = performance.now();
    assert.equal(await github.forge().pullRequest({ repositoryId: id, number: 99 }, signal), undefined);
    assert.ok(performance.now() - before < 2_000);
  });

  it('C5 a foreign host in "Link" hears nothing', async () => {
    await using subject = await opened();
    const { github, id } = subject;
    await using foreign = await startGithub();
    for (let count = 0; count < 100; count += 1) openPullRequest(github, id);
    github.simulator.faults.foreignLink({
      match: { path: 'pulls/list' },
      origin: new URL(foreign.simulator.apiUrl).origin,
    });
    const forge = github.forge();
    const [repository] = await forge.repositories(signal);
    assert.ok(repository);
    assert.equal((await forge.openPullRequests(repository, signal)).length, 101);
    assert.equal(foreign.simulator.requests.length, 0);
  });

  it('C5 a redirect to a foreign host is not followed', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await using foreign = await startGithub();
    github.simulator.faults.add({
      match: { path: 'pulls/get' },
      status: 302,
      headers: { location: `${foreign.simulator.apiUrl}/steal` },
    });
    await assert.rejects(github.forge().pullRequest(key, signal), { name: 'RefusedError', status: 302 });
    assert.equal(foreign.simulator.requests.length, 0);
  });

  it('B3 changes of the same second are all seen: what the API says wins', async () => {
    await using subject = await opened();
    const { github, id, key } = subject;
    const forge = github.forge();
    const sameSecond = new Date(Math.floor(Date.now() / 1_000) * 1_000);
    const look = () => {
      github.simulator.world.pullRequest(id, key.number).updatedAt = sameSecond;
      return forge.pullRequest(key, signal);
    };
    for (const content of ['1', '2', '3']) {
      const revision = github.simulator.push(id, key.number, { a: content });
      assert.equal((await look())?.head.revision, revision);
    }
    github.simulator.closePullRequest(id, key.number);
    assert.equal((await look())?.state, 'closed');
    github.simulator.reopen(id, key.number);
    assert.equal((await look())?.state, 'open');
  });

  for (const [name, fault] of [
    ['500', { status: 500 }],
    ['a dropped connection', { dropConnection: true }],
    ['an answer that is not what GitHub documents', { change: () => ({ status: 200, body: { state: 'purple' } }) }],
  ] as const) {
    it(`${name} is an error, never an absence`, async () => {
      await using subject = await opened();
      const { github, key } = subject;
      github.simulator.faults.add({ match: { path: 'pulls/get' }, ...fault });
      await assert.rejects(
        github.forge().pullRequest(key, signal),
        (error: Error) => !(error instanceof RetryLaterError),
      );
    });
  }

  it('A14 a repository that is not ours is asked for rarely and logged once', async () => {
    await using subject = await opened();
    const { github } = subject;
    const stranger = github.simulator.createRepository({
      owner: 'stranger',
      name: 'app',
      private: false,
      installed: false,
    });
    const forge = github.forge();
    const key = openPullRequest(github, stranger.id);
    assert.equal(await forge.pullRequest(key, signal), undefined);
    github.requests();
    for (let count = 0; count < 5; count += 1) assert.equal(await forge.pullRequest(key, signal), undefined);
    await forge.writeComment(key, 'x', always, signal);
    assert.deepEqual(github.requests(), []);
    assert.equal(github.logged.filter((message) => message.includes('within reach')).length, 1);
  });

  it('an unchanged world costs nothing of the rate limit', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    const look = async () => {
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      await forge.openPullRequests(repository, signal);
      await forge.pullRequest(key, signal);
      await forge.changedFiles(key, signal);
      await forge.writeComment(key, 'same', always, signal);
      await forge.writeDeployment(
        key,
        {
          revision: github.simulator.pullRequest(key.repositoryId, 1).head.sha,
          state: 'success',
          description: 'Running',
          environmentUrl: 'https://a.test',
        },
        signal,
      );
    };
    await look();
    // What GitHub works out once somebody has asked changes the answer once.
    await look();
    const before = github.simulator.requests.length;
    await look();
    const again = github.simulator.requests.slice(before);
    assert.deepEqual(
      again.filter(({ counted }) => counted),
      [],
    );
    // The list of repositories takes two, each of the other five one; the comment and the deployment are looked at, too.
    assert.equal(again.length, 7);
  });
});

describe('the comment', () => {
  it('C6 a crash after posting it leaves one comment', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    github.simulator.faults.add({
      match: { path: 'issues/create-comment' },
      times: 1,
      dropConnection: true,
      afterCommit: true,
    });
    await assert.rejects(github.forge().writeComment(key, 'building', always, signal));
    await github.forge().writeComment(key, 'ready', always, signal);
    assert.deepEqual(texts(github, key), ['ready']);
  });

  it('C6 two of ours become the older one', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await Promise.all([
      github.forge().writeComment(key, 'one', always, signal),
      github.forge().writeComment(key, 'two', always, signal),
    ]);
    const [first] = github.simulator.comments(key.repositoryId, 1);
    await github.cache.forget(`comment:${key.repositoryId}-1`);
    await github.forge().writeComment(key, 'three', always, signal);
    const left = github.simulator.comments(key.repositoryId, 1);
    assert.deepEqual(
      left.map(({ id }) => id),
      [first?.id],
    );
    assert.deepEqual(texts(github, key), ['three']);
  });

  it('is found again without the cache, and not written when it is right', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await github.forge().writeComment(key, 'ready\n', always, signal);
    await github.cache.forget(`comment:${key.repositoryId}-1`);
    const before = github.writes();
    await github.forge().writeComment(key, 'ready\n', always, signal);
    assert.equal(github.writes(), before);
  });

  it("is not somebody else's with our marker copied", async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const marker = `<!-- berth:preview ${key.repositoryId}-1 -->`;
    github.simulator.comment(key.repositoryId, 1, 'mallory', `${marker}\nI am Berth`);
    await github.forge().writeComment(key, 'ready', always, signal);
    const comments = github.simulator.comments(key.repositoryId, 1);
    assert.deepEqual(
      comments.map(({ user }) => user.login),
      ['mallory', github.simulator.app.login],
    );
    assert.equal(comments[0]?.body, `${marker}\nI am Berth`);
  });

  it('is found behind more than a hundred others', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    for (let count = 0; count < 120; count += 1) github.simulator.comment(key.repositoryId, 1, 'mona', 'a word');
    await github.forge().writeComment(key, 'building', always, signal);
    await github.cache.forget(`comment:${key.repositoryId}-1`);
    await github.forge().writeComment(key, 'ready', always, signal);
    assert.equal(github.simulator.comments(key.repositoryId, 1).length, 121);
  });

  it('C7 is created once when it has been deleted, and the cache knows it still', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.writeComment(key, 'building', always, signal);
    const [first] = github.simulator.comments(key.repositoryId, 1);
    assert.ok(first);
    github.simulator.deleteComment(key.repositoryId, first.id);
    await forge.writeComment(key, 'ready', always, signal);
    await forge.writeComment(key, 'ready', always, signal);
    assert.deepEqual(texts(github, key), ['ready']);
  });

  it('C7 is tried once when it has been deleted, and only one that is there is to be changed', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.writeComment(key, 'building', always, signal);
    const [first] = github.simulator.comments(key.repositoryId, 1);
    assert.ok(first);
    github.simulator.deleteComment(key.repositoryId, first.id);
    await forge.writeComment(key, 'removed', { onlyExisting: true }, signal);
    const writes = github.writes();
    await forge.writeComment(key, 'removed', { onlyExisting: true }, signal);
    assert.equal(github.writes(), writes);
    assert.deepEqual(texts(github, key), []);
  });
});

describe('deployments', () => {
  const report = { state: 'in_progress', description: 'Building', environmentUrl: undefined } as const;

  it('share one environment and name the pull request by their task', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const revision = github.simulator.pullRequest(key.repositoryId, 1).head.sha;
    await github.forge().writeDeployment(key, { ...report, revision }, signal);
    const [deployment] = github.simulator.deployments(key.repositoryId, 1);
    assert.ok(deployment);
    const { task, environment, transient, production, payload, sha } = deployment;
    assert.deepEqual(
      { task, environment, transient, production, payload, sha },
      {
        task: 'preview:1',
        environment: 'preview',
        transient: true,
        production: false,
        payload: { preview: `${key.repositoryId}-1` },
        sha: revision,
      },
    );
    assert.equal(github.simulator.world.repository(key.repositoryId).environments.size, 1);
  });

  it('C6 a crash after creating one leaves one', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const revision = github.simulator.pullRequest(key.repositoryId, 1).head.sha;
    github.simulator.faults.add({
      match: { path: 'repos/create-deployment' },
      times: 1,
      dropConnection: true,
      afterCommit: true,
    });
    await assert.rejects(github.forge().writeDeployment(key, { ...report, revision }, signal));
    await github.forge().writeDeployment(key, { ...report, revision }, signal);
    assert.deepEqual(
      github.simulator.deployments(key.repositoryId, 1).map(({ statuses }) => statuses.map(({ state }) => state)),
      [['in_progress']],
    );
  });

  it('are found again without the cache, older ones are retired, and nothing is written twice', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const { simulator } = github;
    const revisions = [
      simulator.pullRequest(key.repositoryId, 1).head.sha,
      simulator.push(key.repositoryId, 1, { a: '1' }),
      simulator.push(key.repositoryId, 1, { a: '2' }),
    ];
    for (const revision of revisions) {
      await github.cache.forget(`deployment:${key.repositoryId}-1`);
      await github.forge().writeDeployment(key, { ...report, revision }, signal);
    }
    const states = () =>
      simulator.deployments(key.repositoryId, 1).map(({ statuses }) => statuses.map(({ state }) => state));
    assert.deepEqual(states(), [['in_progress', 'inactive'], ['in_progress', 'inactive'], ['in_progress']]);
    await github.cache.forget(`deployment:${key.repositoryId}-1`);
    const before = github.writes();
    await github.forge().writeDeployment(key, { ...report, revision: revisions[2] ?? '' }, signal);
    assert.equal(github.writes(), before);
  });
});

describe('writes', () => {
  it('go out one after the other, a burst at once and the rest at their pace', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge({ writes: { burst: 3, perSecond: 5 } });
    await forge.pullRequest(key, signal);
    github.simulator.faults.add({ match: { path: 'issues/create-comment' }, delayMs: 20 });
    const keys = Array.from({ length: 5 }, () => openPullRequest(github, key.repositoryId));
    await Promise.all(keys.map((each) => forge.writeComment(each, 'x', always, signal)));
    const times = github.simulator.requests
      .filter(({ operation }) => operation === 'issues/create-comment')
      .map(({ at }) => at.getTime());
    // Without a burst the third would come after 400 ms, without a pace the fifth at once.
    assert.ok((times[2] ?? 0) - (times[0] ?? 0) < 390, times.join(' '));
    assert.ok((times[4] ?? 0) - (times[0] ?? 0) >= 350, times.join(' '));
  });

  it('that would wait for long give their worker back', async () => {
    await using subject = await opened();
    const { github, id, key } = subject;
    const clock = { now: () => systemClock.now() };
    const forge = github.forge({ clock, writes: { burst: 1, perSecond: 0.1 } });
    await forge.writeComment(key, 'x', always, signal);
    const at = await retryAt(forge.writeComment(openPullRequest(github, id), 'x', always, signal));
    assert.ok(at - Date.now() > 8_000);
  });
});
