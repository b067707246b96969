import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { appClient, installationClient, refusal, tokenClient } from './client.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const repository = { owner: 'acme', repo: 'shop' };

async function newToken(simulator: Simulator, wanted: object = {}): Promise<string> {
  const installation_id = simulator.install('acme');
  const path = 'POST /app/installations/{installation_id}/access_tokens';
  const { data } = await appClient(simulator).request(path, { installation_id, ...wanted });
  return data.token;
}

describe('authentication', () => {
  it('knows the app by a token signed with its key', async () => {
    await using simulator = await startSimulator();
    const { data } = await appClient(simulator).request('GET /app');
    assert.equal(data?.slug, simulator.app.slug);
  });

  it('refuses a token signed with another key', async () => {
    await using simulator = await startSimulator();
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const auth = { appId: simulator.app.id, privateKey };
    const stranger = new Octokit({ baseUrl: simulator.apiUrl, authStrategy: createAppAuth, auth });
    const { status } = await refusal(stranger.request('GET /app'));
    assert.equal(status, 401);
  });

  it('lets a client find out that its clock is wrong', async () => {
    await using simulator = await startSimulator();
    simulator.setClockOffset(3_600_000);
    const { data } = await appClient(simulator).request('GET /app');
    assert.equal(data?.id, simulator.app.id);
    assert.deepEqual(
      simulator.requests.map(({ status }) => status),
      [401, 200],
    );
  });

  it('narrows a token to repositories: others are not there', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    simulator.createRepository({ owner: 'acme', name: 'secrets' });
    const client = tokenClient(simulator, await newToken(simulator, { repositories: ['shop'] }));
    const { data } = await client.request('GET /installation/repositories');
    assert.deepEqual(
      data.repositories.map(({ name }) => name),
      ['shop'],
    );
    const { status } = await refusal(client.request('GET /repos/{owner}/{repo}', { owner: 'acme', repo: 'secrets' }));
    assert.equal(status, 404);
  });

  it('narrows a token to permissions: anything else is forbidden', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const { number } = simulator.openPullRequest({ repo: 'acme/shop' });
    const client = tokenClient(simulator, await newToken(simulator, { permissions: { contents: 'read' } }));
    const path = 'GET /repos/{owner}/{repo}/pulls/{pull_number}';
    const { status, message } = await refusal(client.request(path, { ...repository, pull_number: number }));
    assert.equal(status, 403);
    assert.match(message, /Resource not accessible by integration/);
  });

  it('refuses permissions that the installation does not grant', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const { status } = await refusal(newToken(simulator, { permissions: { contents: 'write' } }));
    assert.equal(status, 422);
  });

  it('lets tokens expire', async () => {
    await using simulator = await startSimulator({ tokenLifetimeMs: 60_000 });
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const client = tokenClient(simulator, await newToken(simulator));
    await client.request('GET /repos/{owner}/{repo}', repository);
    simulator.setClockOffset(60_001);
    const { status } = await refusal(client.request('GET /repos/{owner}/{repo}', repository));
    assert.equal(status, 401);
  });

  it('refuses a suspended installation, and one that is gone', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const client = tokenClient(simulator, await newToken(simulator));
    await client.request('GET /repos/{owner}/{repo}', repository);
    simulator.suspendInstallation('acme');
    assert.equal((await refusal(client.request('GET /repos/{owner}/{repo}', repository))).status, 403);
    assert.equal((await refusal(newToken(simulator))).status, 403);
    simulator.uninstall('acme');
    assert.equal((await refusal(client.request('GET /repos/{owner}/{repo}', repository))).status, 401);
    assert.equal(
      (await refusal(appClient(simulator).request('GET /repos/{owner}/{repo}/installation', repository))).status,
      404,
    );
  });

  it('reads public repositories without being installed there, and writes nowhere else', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    simulator.createRepository({ owner: 'elsewhere', name: 'open', private: false, installed: false });
    const { number } = simulator.openPullRequest({ repo: 'elsewhere/open' });
    const client = installationClient(simulator, 'acme');
    const there = { owner: 'elsewhere', repo: 'open' };
    await client.request('GET /repos/{owner}/{repo}', there);
    const path = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    const { status } = await refusal(client.request(path, { ...there, issue_number: number, body: 'hello' }));
    assert.equal(status, 403);
  });
});
