import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { appClient, installationClient, refusal } from './client.ts';
import { startReceiver } from './receiver.ts';
import { startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };

async function withPullRequests(count: number) {
  const simulator = await startSimulator();
  const { id } = simulator.createRepository({ owner: 'acme', name: 'shop' });
  for (let each = 0; each < count; each += 1) simulator.openPullRequest({ repo: id });
  return { simulator, id, client: installationClient(simulator, 'acme') };
}

describe('lists', () => {
  it('leads from page to page by links that name the repository by its id', async () => {
    const { simulator, id, client } = await withPullRequests(5);
    await using _ = simulator;
    const first = await client.request('GET /repos/{owner}/{repo}/pulls', { ...repository, per_page: 2 });
    const at = (page: number) => `${simulator.apiUrl}/repositories/${id}/pulls?per_page=2&page=${page}`;
    assert.equal(first.headers.link, `<${at(2)}>; rel="next", <${at(3)}>; rel="last"`);
    const last = await client.request(`GET ${at(3)}`);
    assert.equal(last.headers.link, `<${at(2)}>; rel="prev", <${at(1)}>; rel="first"`);
    const numbers = [...first.data, ...(last.data as { number: number }[])].map(({ number }) => number);
    assert.deepEqual(numbers, [5, 4, 1]);
  });

  it('sorts by the last update when asked to', async () => {
    const { simulator, client } = await withPullRequests(3);
    await using _ = simulator;
    simulator.setClockOffset(5000);
    simulator.comment('acme/shop', 1, 'mona', 'hello');
    const sorted = { ...repository, sort: 'updated', direction: 'desc' } as const;
    const { data } = await client.request('GET /repos/{owner}/{repo}/pulls', sorted);
    assert.equal(data[0]?.number, 1);
  });

  it('answers 304 to who has the newest state, and counts it for nothing', async () => {
    const { simulator, client } = await withPullRequests(1);
    await using _ = simulator;
    const path = 'GET /repos/{owner}/{repo}/pulls';
    const first = await client.request(path, repository);
    const used = Number(first.headers['x-ratelimit-used']);
    const headers = { 'if-none-match': first.headers.etag };
    const unchanged = await refusal(client.request(path, { ...repository, headers }));
    assert.equal(unchanged.status, 304);
    assert.equal(Number(unchanged.response?.headers['x-ratelimit-used']), used);
    simulator.label('acme/shop', 1, 'preview');
    const changed = await client.request(path, { ...repository, headers });
    assert.equal(Number(changed.headers['x-ratelimit-used']), used + 1);
  });

  it('refuses what exceeds the rate limit', async () => {
    const { simulator, client } = await withPullRequests(1);
    await using _ = simulator;
    simulator.rateLimit.limit = 2;
    await client.request('GET /repos/{owner}/{repo}', repository);
    await client.request('GET /repos/{owner}/{repo}', repository);
    const { status, response } = await refusal(client.request('GET /repos/{owner}/{repo}', repository));
    assert.equal(status, 403);
    assert.equal(response?.headers['x-ratelimit-remaining'], '0');
    const { data } = await client.request('GET /rate_limit');
    assert.equal(data.rate.remaining, 0);
  });

  it('leads through deliveries by a cursor, newest first', async () => {
    await using receiver = await startReceiver();
    await using simulator = await startSimulator({ webhook: { url: receiver.url } });
    for (let each = 0; each < 3; each += 1) simulator.ping();
    await simulator.deliveries.settled();
    const client = appClient(simulator);
    const first = await client.request('GET /app/hook/deliveries', { per_page: 2 });
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.link ?? '')?.[1];
    const second = await client.request(`GET ${next}`);
    const ids = [...first.data, ...(second.data as { id: number }[])].map(({ id }) => id);
    assert.deepEqual(ids, simulator.deliveries.all.map(({ id }) => id).toReversed());
  });
});
