/** Code of strangers, from somebody's pull request out of a fork to its end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { AppsV1Api, KubeConfig } from '@kubernetes/client-node';
import { type Files, page, slowPage } from './repositories.ts';
import { startWorld, type World } from './world.ts';

const run = promisify(execFile);
const waiting = /Waiting for approval/;

interface Fork {
  readonly repo: string;
  readonly number: number;
  readonly headSha: string;
  /** Comments as the maintainer, if nobody else is named. */
  comment(body: string, author?: string): number;
  approve(revision: string): void;
}

/** A public repository in which `robin` may write, and a pull request out of a fork of `stranger`. */
function openFork({ github }: World, name: string, from: Files, changes: Files): Fork {
  const repo = `acme/${name}`;
  github.createRepository({ owner: 'acme', name, from, private: false });
  github.setPermission(repo, 'robin', 'write');
  const { number, headSha } = github.openPullRequest({ repo, fromFork: 'stranger', changes });
  const comment = (body: string, author = 'robin') => github.comment(repo, number, author, body);
  return { repo, number, headSha, comment, approve: (revision) => void comment(`/preview approve ${revision}`) };
}

/** Everything that exists of a revision: fetched, on our disk, being built, or in the cluster. */
async function tracesOf(world: World, revision: string): Promise<readonly string[]> {
  const mirrors = join(world.directory, 'first', 'git', 'mirrors');
  const traces: string[] = [];
  if (world.github.fetched.includes(revision)) traces.push('fetched');
  for (const mirror of await readdir(mirrors)) {
    const known = run('git', [`--git-dir=${join(mirrors, mirror)}`, 'cat-file', '-e', revision]);
    if (await known.then(() => true).catch(() => false)) traces.push(`in the mirror ${mirror}`);
  }
  for (const { msg } of world.berth.log.filter((line) => line['revision'] === revision && /build|built/.test(line.msg)))
    traces.push(msg);
  for (const { metadata } of await world.namespaces())
    if (JSON.stringify(metadata).includes(revision)) traces.push(metadata?.name ?? '');
  return traces;
}

describe('the code of a fork', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  it('D1 is not fetched, built or run before somebody who may write has approved it; then it runs', async () => {
    const fork = openFork(world, 'stranger', page('main'), { 'index.html': 'by a stranger, @REVISION@\n' });
    const { repo, number, headSha } = fork;
    const comment = await world.commented(repo, number, waiting);
    assert.ok(comment.includes(`\n/preview approve ${headSha}\n`), comment);
    fork.approve(headSha.slice(0, 12));
    await world.commented(repo, number, /all 40 digits/);
    assert.deepEqual(await tracesOf(world, headSha), []);
    assert.deepEqual(await world.namespaces(), []);
    assert.deepEqual(world.github.deployments(repo, number), []);

    fork.approve(headSha);
    const url = await world.running(repo, number, headSha);
    await world.shows(url, `by a stranger, ${headSha}`);
    await world.commented(repo, number, /a fork's code, approved by robin/);
    const [status, ...others] = world.github.statuses(repo, number);
    assert.deepEqual(others, []);
    assert.deepEqual([status?.sha, status?.creator.login], [headSha, world.github.app.login]);
    assert.match(status?.targetUrl ?? '', /#issuecomment-\d+$/);
  });

  it('D1 is not let in by a status that somebody else writes', async () => {
    const fork = openFork(world, 'forged', page('main'), { 'index.html': 'forged\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    const forged = { context: `preview/approval (#${number})`, description: 'Approved by robin' };
    for (const author of ['robin', 'stranger', 'github-actions[bot]'])
      world.github.setStatus(repo, headSha, author, forged);
    fork.comment(`/preview approve ${headSha}`, 'stranger');
    await world.commented(repo, number, /by stranger, .*may not write/);
    assert.deepEqual(await tracesOf(world, headSha), []);
  });

  it('D2 does not run while GitHub does not tell who may approve it, and runs when it does', async () => {
    const fork = openFork(world, 'untold', page('main'), { 'index.html': 'untold\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    const fault = world.github.faults.add({
      match: { path: 'repos/get-collaborator-permission-level' },
      status: 403,
      body: { message: 'Resource not accessible by integration' },
    });
    fork.approve(headSha);
    await world.github.until(() => fault.hits > 2, { what: 'the right to be asked for, again and again' });
    assert.deepEqual(await tracesOf(world, headSha), []);
    fault.remove();
    await world.running(repo, number, headSha);
  });

  it('D3 is not approved by a member of the organisation who may not write', async () => {
    const fork = openFork(world, 'member', page('main'), { 'index.html': 'member\n' });
    const { repo, number, headSha } = fork;
    world.github.addMember('acme', 'mike');
    world.github.setPermission(repo, 'mike', 'read');
    await world.commented(repo, number, waiting);
    fork.comment(`/preview approve ${headSha}`, 'mike');
    await world.commented(repo, number, /by mike, .*may not write/);
    world.github.setPermission(repo, 'mike', 'triage');
    fork.comment(`/preview approve ${headSha}`, 'mike');
    await world.commented(repo, number, /by mike, .*may not write/);
    assert.deepEqual(await tracesOf(world, headSha), []);
  });

  it('D4 is approved for one revision only: the next one waits while the first goes on', async () => {
    const fork = openFork(world, 'pushed', page('main'), { 'index.html': 'first\n' });
    const { repo, number, headSha: first } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(first);
    const url = await world.running(repo, number, first);
    const second = world.github.push(repo, number, { 'index.html': 'second\n' });
    const comment = await world.commented(repo, number, new RegExp(`Waiting for approval.*${second.slice(0, 7)}`));
    assert.match(comment, new RegExp(`Still serving .*${first.slice(0, 7)}`));
    await world.shows(url, 'first');
    assert.deepEqual(await tracesOf(world, second), []);
    // What was approved before does not count for what came after.
    fork.approve(first);
    await world.commented(repo, number, new RegExp(`is for ${first.slice(0, 7)}, not for this revision`));
    assert.deepEqual(await tracesOf(world, second), []);
    fork.approve(second);
    await world.running(repo, number, second);
    await world.shows(url, 'second');
  });

  it('D5 is not run when something else was pushed between its approval and its fetch', async () => {
    const fork = openFork(world, 'overtaken', page('main'), { 'index.html': 'approved\n' });
    const { repo, number, headSha: approved } = fork;
    await world.commented(repo, number, waiting);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const fault = world.github.faults.add({ match: { path: /overtaken.*git-upload-pack/ }, until: released });
    fork.approve(approved);
    await world.github.until(() => fault.hits > 0, { what: 'the approved revision to be fetched' });
    const pushed = world.github.push(repo, number, { 'index.html': 'not approved\n' });
    release();
    fault.remove();
    await world.commented(repo, number, new RegExp(`Waiting for approval.*${pushed.slice(0, 7)}`));
    assert.deepEqual(await tracesOf(world, pushed), []);
    assert.ok(
      !world.berth.log.some(({ msg, revision }) => revision === approved && /build started|image built/.test(msg)),
    );
    assert.ok(!(await world.namespaces()).some(({ metadata }) => metadata?.name?.includes('overtaken')));
  });

  it('D6 is not approved by words that could mean something else, and the pull request says why', async () => {
    const fork = openFork(world, 'words', page('main'), { 'index.html': 'words\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    const command = `/preview approve ${headSha}`;
    for (const [body, why] of [
      ['/preview approve', /names no revision/],
      [`/preview approve ${headSha.slice(0, 7)}`, /all 40 digits/],
      [`> ${command}`, /quoted or shown as code/],
      [`\`\`\`\n${command}\n\`\`\``, /quoted or shown as code/],
      [`    ${command}`, /quoted or shown as code/],
      [`${command} please`, /other text around it/],
      [`${command}\n${command}`, /more than one/],
      [`/preview approve ${'0'.repeat(40)}`, /is for 0000000, not for this revision/],
      [command.toUpperCase(), /lower case/],
      ['/preview deploy', /no such command/],
    ] as const) {
      fork.comment(body);
      await world.commented(repo, number, why);
    }
    const comment = fork.comment('Looks good to me.');
    // GitHub tells times to the second.
    world.github.setClockOffset(2_000);
    world.github.editComment(repo, comment, command);
    world.github.setClockOffset(0);
    await world.commented(repo, number, /comment was edited/);
    assert.deepEqual(await tracesOf(world, headSha), []);
    fork.comment(`${command}\n`);
    await world.running(repo, number, headSha);
  });

  it('D7 is not deployed when whoever approved it loses the right during the build', async () => {
    const fork = openFork(world, 'fired', slowPage('main', 5), { 'index.html': 'too late\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(headSha);
    await world.berth.logged((line) => line.msg === 'build started' && line['revision'] === headSha, 'the build began');
    world.github.setPermission(repo, 'robin', 'read');
    await world.commented(repo, number, /by robin, does not count any more/);
    for (const { metadata } of await world.namespaces()) {
      if (!metadata?.name?.includes('fired')) continue;
      const { items: pods } = await world.cluster.listNamespacedPod({ namespace: metadata.name });
      const helms = { namespace: metadata.name, labelSelector: 'owner=helm' };
      const { items: releases } = await world.cluster.listNamespacedSecret(helms);
      assert.deepEqual([pods, releases], [[], []]);
    }
    assert.deepEqual(
      world.github.deployments(repo, number).filter(({ statuses }) => statuses.at(-1)?.state === 'success'),
      [],
    );
  });

  it('D8 goes on after its fork was deleted, needs approval nevertheless, and goes when it is closed', async () => {
    const changes = { 'index.html': 'orphaned\n' };
    const kept = openFork(world, 'orphan', page('main'), changes);
    const { repo, number, headSha } = kept;
    await world.commented(repo, number, waiting);
    world.github.deleteFork('stranger/orphan');
    // Nobody is told that a fork is gone.
    world.github.label(repo, number, 'any');
    kept.comment('/preview approve');
    await world.commented(repo, number, /names no revision/);
    assert.deepEqual(await tracesOf(world, headSha), []);
    kept.approve(headSha);
    const url = await world.running(repo, number, headSha);
    await world.shows(url, 'orphaned');
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
    assert.ok(!(await world.namespaces()).some(({ metadata }) => metadata?.name?.includes('orphan')));
  });

  it('D9 brings neither its own manifest nor its own chart: those of the base branch count', async () => {
    const base = { ...page('main'), ...ownChart('base', 'web') };
    const fork = openFork(world, 'policy', base, { 'index.html': 'the code is mine\n', ...ownChart('head', 'mine') });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(headSha);
    const url = await world.running(repo, number, headSha);
    await world.shows(url, 'the code is mine');
    const [namespace] = (await world.namespaces()).filter(({ metadata }) => metadata?.name?.includes('policy'));
    const config = new KubeConfig();
    config.loadFromFile(world.stack.kubeconfig);
    const apps = config.makeApiClient(AppsV1Api);
    const { items } = await apps.listNamespacedDeployment({ namespace: namespace?.metadata?.name ?? '' });
    assert.deepEqual(
      items.map(({ metadata }) => [metadata?.name, metadata?.labels?.['chart-of']]),
      [['web', 'base']],
    );
    // What the base branch says later counts from then on, and no push is needed for it.
    world.github.pushBranch(repo, 'main', ownChart('base later', 'web'));
    world.github.label(repo, number, 'look');
    await world.github.until(
      async () => {
        const now = await apps.readNamespacedDeployment({ name: 'web', namespace: namespace?.metadata?.name ?? '' });
        return now.metadata?.labels?.['chart-of'] === 'base-later';
      },
      { what: 'the new chart of the base branch to be installed', timeoutMs: 60_000 },
    );
  });
});

describe('a Berth without builders for forks', () => {
  it('says so when one is approved, and builds nothing', async () => {
    await using world = await startWorld({ env: { BERTH_BUILDKIT_UNTRUSTED: '' } });
    const fork = openFork(world, 'unbuilt', page('main'), { 'index.html': 'never built\n' });
    const { repo, number, headSha } = fork;
    await world.commented(repo, number, waiting);
    fork.approve(headSha);
    await world.commented(repo, number, /Failed.*\n\n.*BERTH\\?_BUILDKIT\\?_UNTRUSTED/);
    assert.ok(!world.berth.log.some(({ msg }) => msg === 'image built'));
  });
});

/** A manifest and a chart of the repository's own, which show where they come from. */
function ownChart(from: string, name: string): Files {
  return {
    '.berth.yaml': `routes:\n  ${name}: { service: ${name}, port: 80 }\nvalues:\n  image: "\${images.web}"\nimages:\n  web: {}\n`,
    'chart/Chart.yaml': 'apiVersion: v2\nname: own\nversion: 1.0.0\n',
    'chart/templates/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { chart-of: ${from.replaceAll(' ', '-')} } }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: web
          image: {{ .Values.image }}
          ports: [{ containerPort: 8080 }]
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: ${name} }
  ports: [{ port: 80, targetPort: 8080 }]
`,
  };
}
