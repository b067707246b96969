import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { appClient } from '../simulator/client.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { type MemoryDestination, memoryDestination, type RunningSetup, startSetup } from './running-setup.ts';
import { submit, type Visited, visit } from './visitor.ts';

const answers = { name: 'Berth of Acme', webhookUrl: 'https://berth.example.com', organisation: 'acme' };

describe('berth setup', { timeout: 60_000 }, () => {
  let github: Simulator;
  let destination: MemoryDestination;
  let setup: RunningSetup;
  beforeEach(async () => {
    github = await startSimulator();
    destination = memoryDestination();
  });
  afterEach(async () => {
    await setup[Symbol.asyncDispose]();
    await github.close();
  });

  function start(options: Partial<Parameters<typeof startSetup>[1]> = {}): void {
    setup = startSetup(github.htmlUrl, { destination, ...options });
  }

  /** As far as GitHub's own page. */
  async function atGitHub(typed: Readonly<Record<string, string>> = answers): Promise<Visited> {
    return submit(await submit(await visit(await setup.address), typed));
  }

  const seesNothing = (page: Visited) => {
    for (const { privateKey, webhookSecret } of destination.kept) {
      for (const secret of [privateKey, privateKey.split('\n')[1] ?? '', webhookSecret]) {
        assert.ok(!page.markup.includes(secret));
        assert.ok(!setup.terminal().includes(secret));
      }
    }
  };

  it('makes the App, keeps its credentials and says what comes next', async () => {
    start();
    const done = await submit(await atGitHub());
    assert.equal(done.status, 200);
    assert.match(done.text, /Berth of Acme is ready/);
    assert.equal(await setup.exitCode, 0);
    const [kept] = destination.kept;
    assert.equal(destination.kept.length, 1);
    assert.equal(kept?.appId, github.app.id);
    assert.equal(kept.privateKey, github.app.privateKey);
    assert.equal(kept.webhookSecret, github.app.webhookSecret);
    assert.equal(kept.apiUrl, github.apiUrl);
    const { data } = await appClient(github).request('GET /app');
    assert.equal(data?.slug, 'berth-of-acme');
    for (const text of [done.text, setup.terminal()]) {
      assert.match(text, /\/apps\/berth-of-acme\/installations\/new|Install it on repositories/);
      assert.match(text, /helm upgrade --install berth charts\/berth[\s\S]*--set github\.existingSecret=berth-github/);
    }
    seesNothing(done);
  });

  it('asks GitHub for what Berth needs, with the webhook at its path and the way back to the page', async () => {
    start();
    const page = await atGitHub();
    assert.equal(new URL(page.url).pathname, '/organizations/acme/settings/apps/new');
    await submit(page);
    const { app } = github.world;
    assert.deepEqual(app.permissions, {
      metadata: 'read',
      contents: 'read',
      pull_requests: 'write',
      issues: 'read',
      deployments: 'write',
      statuses: 'write',
    });
    assert.deepEqual(app.events, ['pull_request', 'issue_comment', 'repository']);
    assert.equal(app.owner.login, 'acme');
    const { data } = await appClient(github).request('GET /app/hook/config');
    assert.equal(data.url, 'https://berth.example.com/webhooks/github');
  });

  it('shows what is wrong with what was typed, beside it, and keeps the rest', async () => {
    start();
    const first = await visit(await setup.address);
    const page = await submit(first, { name: '<b>', webhookUrl: 'ftp://x', organisation: 'no spaces' });
    assert.equal(page.status, 422);
    assert.match(page.markup, /value="&lt;b&gt;"[^>]*aria-describedby="name-problem name-hint" aria-invalid="true"/);
    assert.match(page.text, /Give the URL that GitHub can reach Berth at/);
    assert.match(page.text, /Give the name in its URL/);
    assert.equal((await submit(page, answers)).status, 200);
  });

  it('lets GitHub ask for another name when the first is taken', async () => {
    start();
    const taken = await submit(await atGitHub(), { name: 'berth-preview' });
    assert.match(taken.text, /Name is already taken/);
    const done = await submit(taken, { name: 'berth-two' });
    assert.match(done.text, /berth-two is ready/);
    assert.equal(await setup.exitCode, 0);
  });

  it('takes nothing that belongs to another form', async () => {
    start();
    const address = await setup.address;
    for (const state of ['', 'x', 'a'.repeat(32)]) {
      const page = await visit(`${address}created?code=${'a'.repeat(40)}&state=${state}`);
      assert.equal(page.status, 403);
    }
    assert.equal(github.requests.length, 0);
    assert.match(setup.terminal(), /that was refused/);
    const done = await submit(await atGitHub());
    assert.equal(done.status, 200);
  });

  it('shows nothing to whoever does not know the address', async () => {
    start();
    const { origin } = new URL(await setup.address);
    for (const path of ['/', '/review', '/created?code=x&state=x', '/AAAAAAAAAAAAAAAA/']) {
      assert.equal((await visit(`${origin}${path}`)).status, 404);
    }
  });

  it('tries again with the same code after GitHub was not there', async () => {
    github.faults.add({ match: { path: 'apps/create-from-manifest' }, times: 2, status: 502 });
    github.faults.add({ match: { path: 'apps/create-from-manifest' }, times: 1, dropConnection: true });
    start();
    let page = await submit(await atGitHub());
    for (const reason of [/cannot be reached/, /answered 502/, /answered 502/]) {
      assert.equal(page.status, 502);
      assert.match(page.text, reason);
      assert.match(page.text, /Nothing is lost/);
      page = await submit(page);
    }
    assert.match(page.text, /is ready/);
    assert.equal(await setup.exitCode, 0);
    assert.equal(destination.kept.length, 1);
  });

  it('says that a code is used up, and begins again', async () => {
    start();
    github.faults.add({ match: { path: 'apps/create-from-manifest' }, times: 1, status: 500, afterCommit: true });
    const failed = await submit(await atGitHub());
    assert.match(failed.text, /GitHub answered 500/);
    const used = await submit(failed);
    assert.match(used.text, /used already, or is older than an hour/);
    assert.match(used.text, /delete it there/);
    assert.match(used.markup, /\/organizations\/acme\/settings\/apps"/);
    const done = await submit(await atGitHub({ ...answers, name: 'second' }));
    assert.match(done.text, /second is ready/);
  });

  it('refuses a code after an hour, as GitHub does', async () => {
    start();
    const page = await atGitHub();
    github.faults.add({ match: { path: 'apps/create-from-manifest' }, times: 1, status: 503 });
    const failed = await submit(page);
    github.setClockOffset(3_600_001);
    assert.match((await submit(failed)).text, /older than an hour/);
  });

  it('holds what could not be written, and writes it when asked again, with one App made', async () => {
    start();
    destination.failure = 'writing the Secret berth-github in the namespace berth: quota exceeded';
    const failed = await submit(await atGitHub());
    assert.equal(failed.status, 500);
    assert.match(failed.text, /Writing the Secret berth-github in the namespace berth: quota exceeded\. /);
    assert.match(failed.text, /leave it running/);
    assert.match(setup.terminal(), /quota exceeded/);
    assert.match((await submit(failed)).text, /quota exceeded/);
    destination.failure = undefined;
    assert.match((await submit(failed)).text, /is ready/);
    assert.equal(await setup.exitCode, 0);
    assert.equal(destination.kept.length, 1);
    assert.equal(github.requests.filter(({ operation }) => operation === 'apps/create-from-manifest').length, 1);
  });

  it('keeps the credentials once when the page is loaded twice at the same moment', async () => {
    start();
    const held = Promise.withResolvers<void>();
    github.faults.add({ match: { path: 'apps/create-from-manifest' }, until: held.promise });
    const page = await atGitHub();
    const first = submit(page);
    await github.until(() => github.world.newAppCodes.size > 0, { what: 'the code' });
    const [code] = github.world.newAppCodes.keys();
    const state = /name="state" value="([^"]*)"/.exec(page.markup)?.[1];
    const second = visit(`${await setup.address}created?code=${code}&state=${state}`);
    held.resolve();
    for (const { status } of await Promise.all([first, second])) assert.equal(status, 200);
    assert.equal(destination.kept.length, 1);
  });

  it('says that the App is to be deleted when it ends before its credentials are kept', async () => {
    start();
    destination.failure = 'no';
    await submit(await atGitHub());
    setup.interrupt();
    assert.equal(await setup.exitCode, 1);
    assert.match(setup.terminal(), /its key is lost with this set-up: delete the App/);
  });

  it('begins nothing where there is something that it has not made, with --force neither', async () => {
    destination.occupant = { state: 'foreign' };
    for (const force of [false, true]) {
      start({ force });
      assert.equal(await setup.exitCode, 1);
      assert.match(setup.terminal(), /has not made it: name another one, or remove it/);
    }
  });

  it('tells of the App that there is, and makes another with --force only', async () => {
    destination.occupant = { state: 'ours', app: 'https://github.com/apps/berth-old' };
    start();
    assert.equal(await setup.exitCode, 1);
    assert.match(setup.terminal(), /There is an App already: https:\/\/github\.com\/apps\/berth-old/);
    assert.match(setup.terminal(), /apps\/berth-old\/installations\/new/);
    start({ force: true });
    await submit(await atGitHub());
    assert.equal(await setup.exitCode, 0);
  });

  it('says which port to forward to whoever is here over SSH', async () => {
    start({ sshConnection: '192.0.2.7 50000 198.51.100.4 2222' });
    const { port } = new URL(await setup.address);
    assert.match(
      setup.terminal(),
      new RegExp(`ssh -N -L ${port}:127\\.0\\.0\\.1:${port} -p 2222 198\\.51\\.100\\.4\n`),
    );
  });

  it('says how to choose another port when its own is taken', async () => {
    start({ listen: { host: '127.0.0.1', port: Number(new URL(github.htmlUrl).port) } });
    assert.equal(await setup.exitCode, 1);
    assert.match(setup.terminal(), /^Port \d+ is taken: choose another one with --listen 127\.0\.0\.1:PORT/);
  });

  it('lets browsers run nothing, embed it nowhere and send forms only to itself and to GitHub', async () => {
    start();
    const { headers, markup } = await visit(await setup.address);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-/);
    assert.ok(policy.includes(`form-action 'self' ${github.htmlUrl}`));
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get('referrer-policy'), 'strict-origin');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.doesNotMatch(markup, /<script|style="|onclick/);
  });
});
