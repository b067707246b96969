import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeTelemetry } from '../../fakes/telemetry.ts';
import { startGithub } from './github.ts';

const { signal } = new AbortController();

describe('requests to GitHub', () => {
  it('are counted by what became of them, and tell how many are left', async () => {
    await using github = await startGithub();
    const { simulator } = github;
    simulator.createRepository({ owner: 'acme', name: 'shop', from: { 'README.md': 'shop' } });
    const { number } = simulator.openPullRequest({ repo: 'acme/shop' });
    const telemetry = fakeTelemetry();
    const forge = github.forge({ telemetry });
    const [repository] = await forge.repositories(signal);
    assert.ok(repository);
    const key = { repositoryId: repository.id, number };
    const outcomes = async (work: () => Promise<unknown>) => {
      const before = telemetry.others.length;
      await work();
      return telemetry.others.slice(before).flatMap(([what, outcome]) => (what === 'asked' ? [outcome] : []));
    };

    assert.deepEqual(await outcomes(() => forge.pullRequest(key, signal)), ['answered']);
    const [, , limit, remaining] = telemetry.others.findLast(([what]) => what === 'budget') ?? [];
    assert.equal(limit, 5_000);
    assert.ok(Number(remaining) < 5_000);
    // GitHub works out whether it can be merged after it was first asked.
    await forge.pullRequest(key, signal);
    assert.deepEqual(await outcomes(() => forge.pullRequest(key, signal)), ['unchanged']);

    const path = 'pulls/get';
    simulator.faults.add({ match: { path }, status: 500, times: 1 });
    assert.deepEqual(await outcomes(() => assert.rejects(forge.pullRequest(key, signal))), ['failed']);
    simulator.faults.add({ match: { path }, dropConnection: true, times: 1 });
    assert.deepEqual(await outcomes(() => assert.rejects(forge.pullRequest(key, signal))), ['failed']);
    simulator.faults.secondaryRateLimit({ match: { path }, retryAfterSeconds: 60, times: 1 });
    assert.deepEqual(await outcomes(() => assert.rejects(forge.pullRequest(key, signal))), ['limited']);
    // Not asked at all, so not counted.
    assert.deepEqual(await outcomes(() => assert.rejects(forge.pullRequest(key, signal))), []);
  });
});
