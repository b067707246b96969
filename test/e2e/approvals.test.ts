/** Code of strangers: the words of an approval, how long it holds, and what it lets in. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppsV1Api, KubeConfig } from '@kubernetes/client-node';
import { openFork, tracesOf, waiting } from './fork.ts';
import { type Files, page, slowPage } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('an approved fork', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

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
