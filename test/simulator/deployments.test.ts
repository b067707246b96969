import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Octokit } from '@octokit/core';
import { installationClient, refusal } from './client.ts';
import { startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };
const repo = 'acme/shop';
const preview = { environment: 'preview', auto_merge: false, required_contexts: [] };

async function start() {
  const simulator = await startSimulator();
  simulator.createRepository({ owner: 'acme', name: 'shop' });
  return { simulator, client: installationClient(simulator, 'acme') };
}

async function deploy(client: Octokit, ref: string, wanted: object = preview): Promise<number> {
  const { data } = await client.request('POST /repos/{owner}/{repo}/deployments', { ...repository, ref, ...wanted });
  if (!('id' in data)) throw new Error('no deployment was made');
  return Number(data.id);
}

async function succeed(client: Octokit, deployment_id: number, more: object = {}): Promise<void> {
  const path = 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses';
  await client.request(path, { ...repository, deployment_id, state: 'success', ...more });
}

describe('deployments', () => {
  it('become inactive when a later one of the same environment succeeds', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    const states = () => simulator.deployments(repo).map(({ statuses }) => statuses.at(-1)?.state);
    await succeed(client, await deploy(client, headSha));
    await succeed(client, await deploy(client, headSha, { ...preview, environment: 'elsewhere' }));
    assert.deepEqual(states(), ['success', 'success']);
    await succeed(client, await deploy(client, headSha));
    assert.deepEqual(states(), ['inactive', 'success', 'success']);
  });

  it('stay active when they are transient, or when the later one says so', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    await succeed(client, await deploy(client, headSha, { ...preview, transient_environment: true }));
    await succeed(client, await deploy(client, headSha));
    await succeed(client, await deploy(client, headSha), { auto_inactive: false });
    const states = simulator.deployments(repo).map(({ statuses }) => statuses.at(-1)?.state);
    assert.deepEqual(states, ['success', 'success', 'success']);
  });

  it('are found by task, environment and commit, newest first', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    const first = await deploy(client, headSha, { ...preview, task: 'preview:1' });
    const second = await deploy(client, headSha, { ...preview, task: 'preview:1' });
    await deploy(client, headSha, { ...preview, task: 'preview:2' });
    const wanted = { ...repository, task: 'preview:1', environment: 'preview', sha: headSha };
    const { data } = await client.request('GET /repos/{owner}/{repo}/deployments', wanted);
    assert.deepEqual(
      data.map(({ id }) => id),
      [second, first],
    );
  });

  it('are refused while checks are not green, unless the client says that none matter', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    const status = { ...repository, sha: headSha, state: 'pending', context: 'ci' } as const;
    await client.request('POST /repos/{owner}/{repo}/statuses/{sha}', status);
    const { required_contexts: _none, ...careful } = preview;
    assert.equal((await refusal(deploy(client, headSha, careful))).status, 409);
    await deploy(client, headSha);
  });

  it('are refused for a commit behind the default branch, unless the client wants no merge', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    simulator.pushBranch(repo, 'main', { 'new.txt': 'new\n' });
    assert.equal(
      (await refusal(deploy(client, headSha, { environment: 'preview', required_contexts: [] }))).status,
      409,
    );
    await deploy(client, headSha);
  });
});

describe('check runs and statuses', () => {
  it('are completed by a conclusion, and their buttons can be pressed', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { number, headSha } = simulator.openPullRequest({ repo });
    const actions = [{ label: 'Approve', description: 'Run this revision', identifier: 'approve' }];
    const wanted = { ...repository, name: 'Preview', head_sha: headSha, actions };
    const { data } = await client.request('POST /repos/{owner}/{repo}/check-runs', wanted);
    assert.equal(data.status, 'queued');
    const update = { ...repository, check_run_id: Number(data.id), conclusion: 'action_required' } as const;
    await client.request('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', update);
    assert.equal(simulator.checkRuns(repo, number)[0]?.status, 'completed');
    simulator.requestAction(repo, Number(data.id), 'approve', 'mona');
    assert.equal(simulator.deliveries.all.at(-1)?.action, 'requested_action');
    assert.throws(() => simulator.requestAction(repo, Number(data.id), 'other', 'mona'), /no action other/);
  });

  it('come to the worst of the newest statuses of every context', async () => {
    const { simulator, client } = await start();
    await using _ = simulator;
    const { headSha } = simulator.openPullRequest({ repo });
    const say = (context: string, state: 'success' | 'pending' | 'failure') =>
      client.request('POST /repos/{owner}/{repo}/statuses/{sha}', { ...repository, sha: headSha, context, state });
    const combined = async () =>
      (await client.request('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...repository, ref: headSha })).data
        .state;
    assert.equal(await combined(), 'pending');
    await say('a', 'failure');
    await say('b', 'success');
    assert.equal(await combined(), 'failure');
    await say('a', 'success');
    assert.equal(await combined(), 'success');
  });
});
