import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { installationClient, refusal } from './client.ts';
import { startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };
const list = { match: { path: 'pulls/list' } };

async function withPullRequests(count: number) {
  const simulator = await startSimulator();
  simulator.createRepository({ owner: 'acme', name: 'shop' });
  for (let each = 0; each < count; each += 1) simulator.openPullRequest({ repo: 'acme/shop' });
  const client = installationClient(simulator, 'acme');
  return {
    simulator,
    client,
    pulls: () => client.request('GET /repos/{owner}/{repo}/pulls', { ...repository, per_page: 3 }),
  };
}

describe('faults', () => {
  it('strike as often as they are told to', async () => {
    const { simulator, pulls } = await withPullRequests(1);
    await using _ = simulator;
    const fault = simulator.faults.add({ match: { method: 'GET', path: /\/pulls$/ }, status: 500, times: 1 });
    assert.equal((await refusal(pulls())).status, 500);
    assert.equal((await pulls()).status, 200);
    assert.equal(fault.hits, 1);
  });

  it('can fail after having done what was asked', async () => {
    const { simulator, client } = await withPullRequests(1);
    await using _ = simulator;
    simulator.faults.add({
      match: { path: 'issues/create-comment' },
      dropConnection: true,
      afterCommit: true,
      times: 1,
    });
    const path = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    await refusal(client.request(path, { ...repository, issue_number: 1, body: 'hello' }));
    assert.deepEqual(
      simulator.comments('acme/shop', 1).map(({ body }) => body),
      ['hello'],
    );
  });

  it('can drop the connection before anything happens', async () => {
    const { simulator, client } = await withPullRequests(1);
    await using _ = simulator;
    simulator.faults.add({ match: { method: 'POST' }, dropConnection: true });
    const path = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    await refusal(client.request(path, { ...repository, issue_number: 1, body: 'hello' }));
    assert.deepEqual(simulator.comments('acme/shop', 1), []);
  });

  it('delay an answer', async () => {
    const { simulator, pulls } = await withPullRequests(1);
    await using _ = simulator;
    simulator.faults.add({ ...list, delayMs: 50 });
    const startedAt = performance.now();
    assert.equal((await pulls()).status, 200);
    assert.ok(performance.now() - startedAt >= 49);
  });

  it('imitate the rate limits', async () => {
    const { simulator, pulls } = await withPullRequests(1);
    await using _ = simulator;
    simulator.faults.primaryRateLimit({ ...list, resetInSeconds: 60, times: 1 });
    const primary = await refusal(pulls());
    assert.equal(primary.status, 403);
    assert.equal(primary.response?.headers['x-ratelimit-remaining'], '0');
    simulator.faults.secondaryRateLimit({ ...list, retryAfterSeconds: 7, times: 1 });
    assert.equal((await refusal(pulls())).response?.headers['retry-after'], '7');
    simulator.faults.secondaryRateLimit({ ...list, times: 1 });
    const without = await refusal(pulls());
    assert.match(without.message, /secondary rate limit/);
    assert.equal(without.response?.headers['retry-after'], undefined);
  });

  it('empty a list, halve it, or lead elsewhere', async () => {
    const { simulator, pulls } = await withPullRequests(4);
    await using _ = simulator;
    simulator.faults.emptyPage({ ...list, times: 1 });
    assert.deepEqual((await pulls()).data, []);
    simulator.faults.halfPage({ ...list, times: 1 });
    const half = await pulls();
    assert.equal(half.data.length, 1);
    assert.equal(half.headers.link, undefined);
    simulator.faults.foreignLink({ ...list, origin: 'http://elsewhere.test', times: 1 });
    assert.match((await pulls()).headers.link ?? '', /^<http:\/\/elsewhere\.test\/.*rel="next"/);
    assert.equal((await pulls()).data.length, 3);
  });
});
