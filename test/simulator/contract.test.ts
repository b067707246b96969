import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { installationClient, refusal } from './client.ts';
import { gitHubContract } from './description/contract.ts';
import { gitHubDescription } from './description/openapi.ts';
import { startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };

async function withRepository() {
  const simulator = await startSimulator();
  simulator.createRepository({ owner: 'acme', name: 'shop' });
  return { simulator, client: installationClient(simulator, 'acme') };
}

describe('the contract with GitHub', () => {
  it('refuses a body that GitHub would not take, and fails the test at the end', async () => {
    const { simulator, client } = await withRepository();
    const request = client.request('POST /repos/{owner}/{repo}/check-runs', {
      ...repository,
      name: 'Preview',
      head_sha: 7 as never,
    });
    assert.equal((await refusal(request)).status, 422);
    assert.equal(simulator.violations.length, 1);
    await assert.rejects(simulator.close(), /checks\/create: body\/head_sha must be string/);
  });

  it('notices a property that GitHub would ignore', async () => {
    const { simulator, client } = await withRepository();
    const typo = { ...repository, ref: 'main', enviroment: 'preview' };
    await refusal(client.request('POST /repos/{owner}/{repo}/deployments', typo));
    await assert.rejects(simulator.close(), /a property that GitHub does not know: enviroment/);
  });

  it('notices a query parameter out of its range of values', async () => {
    const { simulator, client } = await withRepository();
    await refusal(client.request('GET /repos/{owner}/{repo}/pulls', { ...repository, state: 'merged' as never }));
    await assert.rejects(simulator.close(), /pulls\/list: query parameters\/state must be equal to one of/);
  });

  it('answers 404 to a route that GitHub does not have', async () => {
    const { simulator, client } = await withRepository();
    assert.equal((await refusal(client.request('GET /repos/{owner}/{repo}/previews', repository))).status, 404);
    await assert.rejects(simulator.close(), /GitHub describes no such route/);
  });

  it('tells a route that only the simulator lacks from one that GitHub lacks', async () => {
    const { simulator, client } = await withRepository();
    await refusal(client.request('GET /repos/{owner}/{repo}/stargazers', repository));
    await assert.rejects(simulator.close(), /GitHub has activity\/list-stargazers-for-repo there/);
  });

  it('forgives a violation that was announced, and misses one that did not come', async () => {
    const { simulator, client } = await withRepository();
    simulator.expectViolation(/no such route/);
    await refusal(client.request('GET /repos/{owner}/{repo}/previews', repository));
    await simulator.close();

    const quiet = await startSimulator();
    quiet.expectViolation(/no such route/);
    await assert.rejects(quiet.close(), /there was none/);
  });

  it('would notice an answer or a payload without what GitHub promises', () => {
    const contract = gitHubContract();
    const operation = gitHubDescription().operations.get('pulls/get');
    assert.ok(operation);
    assert.match(
      contract.answerProblems(operation, 200, 'application/json', { number: 1 }).join(),
      /required property '_links'/,
    );
    assert.match(
      contract.payloadProblems('pull_request', 'opened', { action: 'opened' }).join(),
      /required property 'number'/,
    );
    assert.match(contract.payloadProblems('pull_request', 'painted', {}).join(), /no webhook pull-request-painted/);
  });

  it('gives the same by name and by id, also after a rename', async () => {
    const { simulator, client } = await withRepository();
    await using _ = simulator;
    const { id } = simulator.world.repository('acme/shop');
    simulator.rename('acme/shop', 'store');
    const byId = await client.request('GET /repositories/{id}/pulls', { id, per_page: 5 });
    simulator.openPullRequest({ repo: id });
    const comment = { ...repository, issue_number: 1, body: 'hello' };
    await client.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', comment);
    assert.equal(simulator.comments(id, 1).length, 1);
    const byOldName = await client.request('GET /repos/{owner}/{repo}', repository);
    assert.equal(byId.status, 200);
    assert.equal(byOldName.data.full_name, 'acme/store');
    assert.deepEqual(
      simulator.requests.filter(({ route }) => route.startsWith('/repos/')).map(({ status }) => status),
      [200, 307, 201, 301, 200],
    );
  });
});
