import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { githubForge } from '../../src/adapters/github/forge.ts';
import { neededPermissions } from '../../src/adapters/github/needs.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { githubCheck } from '../../src/doctor/github.ts';
import { manifestEvents } from '../../src/setup/app-manifest.ts';
import { type Receiver, startReceiver } from '../simulator/receiver.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator/simulator.ts';
import { fakeStore } from '../fakes/store.ts';

const { signal } = new AbortController();
const permissions: Readonly<Record<string, 'read' | 'write'>> = Object.fromEntries(
  neededPermissions.map(({ name, access }) => [name, access]),
);

describe('the check of GitHub', () => {
  let github: Simulator;
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await github.close();
    await receiver[Symbol.asyncDispose]();
  });

  async function start(app: SimulatorOptions['app'] = {}): Promise<void> {
    github = await startSimulator({ app, webhook: { url: `${receiver.url}/webhooks/github` } });
  }

  async function findings(
    change: Partial<{ appId: number; privateKey: string; accounts: readonly string[] }> = {},
  ): Promise<readonly Finding[]> {
    const found: Finding[] = [];
    const { apiUrl, app } = github;
    const check = githubCheck({ apiUrl, appId: app.id, privateKey: app.privateKey, accounts: [], ...change });
    await check.run((finding) => found.push(finding), signal);
    return found;
  }

  const text = (found: readonly Finding[]) =>
    found
      .filter(({ level }) => level === 'warning' || level === 'problem')
      .map((each) => `${each.level}: ${each.seen} → ${'todo' in each ? each.todo : ''}`)
      .join('\n');

  it('finds nothing wrong with an App that is set up and installed', async () => {
    await start();
    github.install('acme');
    await github.deliveries.settled();
    assert.equal(text(await findings()), '');
  });

  it('says which installations are ignored, and which accounts have none', async () => {
    await start();
    for (const account of ['acme', 'stranger']) github.install(account);
    await github.deliveries.settled();
    const found = await findings({ accounts: ['ACME', 'umbrella'] });
    const seen = found.map((each) => each.seen).join('\n');
    assert.match(seen, /^installed on acme,/m);
    assert.match(seen, /^ignored on stranger, for BERTH_GITHUB_ACCOUNTS says who is served: ACME, umbrella$/m);
    assert.match(text(found), /^warning: the App is not installed on umbrella, which BERTH_GITHUB_ACCOUNTS names → /);
  });

  it('finds an App that is installed nowhere, or suspended', async () => {
    await start();
    assert.match(text(await findings()), /^warning: the App is not installed anywhere → .*\/installations\/new$/m);
    github.install('acme');
    github.suspendInstallation('acme');
    assert.match(text(await findings()), /^warning: suspended on acme/m);
  });

  it('finds the permissions and events that are missing', async () => {
    await start({ permissions: { ...permissions, deployments: 'read' }, events: ['push'] });
    const told = text(await findings());
    assert.match(told, /^problem: the App lacks permissions: deployments write \(to show the preview/m);
    assert.match(told, /^problem: the event pull_request is not subscribed to/m);
    assert.match(told, /^problem: the event issue_comment .* approvals .* offered with issues read\.$/m);
  });

  it('is content with an App as `berth setup` makes it, and warns of an event only where it can be ticked', async () => {
    const events = manifestEvents.map(({ name }) => name);
    await start({ permissions, events });
    github.install('acme');
    const found = await findings();
    assert.equal(text(found), '');
    assert.deepEqual(
      found.filter(({ level }) => level === 'note').map(({ seen }) => seen),
      [
        'the event check_suite is not subscribed to, which would take checks read: an image built by CI is noticed late',
      ],
    );
    await github.close();
    await start({ permissions: { ...permissions, checks: 'read' }, events });
    github.install('acme');
    assert.match(text(await findings()), /^warning: the event check_suite .* offered with checks read\.$/m);
  });

  it('says what approvals need that an App of before lacks', async () => {
    const { statuses: _statuses, issues: _issues, ...before } = permissions;
    await start({ permissions: before });
    const told = text(await findings());
    assert.match(
      told,
      /^problem: the App lacks permissions: issues read \(to .*comments\), statuses write \(to write down/m,
    );
  });

  it('finds a key that is not of this App, and one that is none', async () => {
    await start();
    assert.match(text(await findings({ appId: 7 })), /^problem: GitHub answers 401.*BERTH_GITHUB_APP_ID/m);
    assert.match(text(await findings({ privateKey: 'PRIVATE KEY' })), /^problem: the private key is not one in PEM/m);
  });

  it('takes a newest delivery that was answered 401 for another secret', async () => {
    await start();
    receiver.status = 401;
    github.install('acme');
    await github.deliveries.settled();
    assert.match(text(await findings()), /^problem: .* did not arrive: \d × 401 → .*BERTH_GITHUB_WEBHOOK_SECRET/m);
  });

  it('warns of deliveries that were lost and never came, not of those that were sent again', async () => {
    await start();
    receiver.status = 503;
    github.install('acme');
    await github.deliveries.settled();
    receiver.status = 202;
    github.ping();
    await github.deliveries.settled();
    assert.match(text(await findings()), /^warning: 1 of the last \d deliveries did not arrive: 1 × 503/m);
    for (const { id, statusCode } of github.deliveries.all)
      if (statusCode === 503) await github.deliveries.redeliver(id);
    await github.deliveries.settled();
    assert.equal(text(await findings()), '');
  });

  it('finds a webhook that goes nowhere', async () => {
    await start();
    github.install('acme');
    github.setWebhookUrl(undefined);
    assert.match(text(await findings()), /^problem: the App's webhook has no URL/m);
  });

  it('finds a clock that is off', async () => {
    await start();
    github.install('acme');
    await github.deliveries.settled();
    github.setClockOffset(120_000);
    assert.match(text(await findings()), /^warning: this machine's clock is 1(19|20|21) s behind GitHub's/m);
  });

  it('asks for permissions that are enough for everything that Berth does, each of which is needed', async () => {
    await start({ permissions });
    await worksWith(github);
    // Nothing is asked of GitHub with `issues`: it is there for an event.
    const asked = neededPermissions.filter(({ name }) => name !== 'metadata' && name !== 'issues');
    for (const { name, access } of asked) {
      await github.close();
      const { [name]: _, ...others } = permissions;
      await start({ permissions: access === 'write' ? { ...others, [name]: 'read' } : others });
      await assert.rejects(worksWith(github), `without ${name} ${access}`);
      // A token for more than the App has is unprocessable.
      const refusals = github.requests.filter(({ status }) => status === 403 || status === 422);
      assert.ok(refusals.length > 0, `${name} ${access} is what was missing`);
    }
  });

  it('asks for the permission without which no comments are heard of', async () => {
    for (const heard of [true, false]) {
      const { issues, ...others } = permissions;
      await start({ permissions: { ...others, ...(heard && issues && { issues }) }, events: ['issue_comment'] });
      github.createRepository({ owner: 'acme', name: 'shop' });
      const { number } = github.openPullRequest({ repo: 'acme/shop' });
      github.comment('acme/shop', number, 'mona', '/preview approve');
      await github.deliveries.settled();
      assert.equal(
        github.deliveries.all.some(({ event }) => event === 'issue_comment'),
        heard,
      );
      await github.close();
    }
  });
});

/** Everything that Berth asks of GitHub for one pull request. */
async function worksWith(github: Simulator): Promise<void> {
  github.createRepository({ owner: 'acme', name: 'shop', from: { Dockerfile: 'FROM scratch\n' } });
  const { number, headSha } = github.openPullRequest({ repo: 'acme/shop', changes: { 'a.txt': 'a\n' } });
  const clock = { now: () => Date.now() };
  const forge = githubForge({
    apiUrl: github.apiUrl,
    appId: github.app.id,
    privateKey: github.app.privateKey,
    environment: 'preview',
    cache: fakeStore(clock),
    clock,
    log: pino({ level: 'silent' }),
  });
  const [repository] = await forge.repositories(signal);
  if (repository === undefined) throw new Error('no repository');
  const key = { repositoryId: repository.id, number };
  await forge.pullRequest(key, signal);
  await forge.openPullRequests(repository, signal);
  await forge.recentlyClosed(repository, signal);
  await forge.deployedPullRequests(repository, signal);
  await forge.changedFiles(key, signal);
  await forge.cloneToken(repository.id, signal);
  await forge.writeComment(key, 'hello', { onlyExisting: false }, signal);
  const report = { revision: headSha, state: 'success', description: 'ready', environmentUrl: undefined } as const;
  await forge.writeDeployment(key, report, signal);
  await forge.retireDeployments(key, signal);
  await forge.branchRevision(repository, 'main', signal);
  await forge.mayWrite(repository.id, 'mona', signal);
  await forge.commandComments(key, signal);
  await forge.recordApproval(key, { revision: headSha, by: 'mona', url: github.htmlUrl }, signal);
  await forge.approval(key, headSha, signal);
}
