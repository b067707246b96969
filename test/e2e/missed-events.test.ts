import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { waitUntil } from '../../deploy/local/wait.ts';
import type { BerthProcess } from './berth-process.ts';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('events that never came', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  afterEach(() => {
    world.github.deliveries.behave();
    world.github.faults.clear();
  });
  after(() => world[Symbol.asyncDispose]());

  /** From here on nothing is delivered, and nothing that is sent again either. */
  const loseEverything = () => world.github.deliveries.lose();

  it('B5 down while pull requests are opened, pushed to and closed: the sweep finds it all', async () => {
    const { github } = world;
    const repo = 'acme/missed';
    github.createRepository({ owner: 'acme', name: 'missed', from: page('missed') });
    const [closed, pushed] = [github.openPullRequest({ repo }), github.openPullRequest({ repo })];
    await world.running(repo, closed.number, closed.headSha);
    await world.running(repo, pushed.number, pushed.headSha);
    await content(world.berth);
    await world.berth.stop();
    loseEverything();

    github.closePullRequest(repo, closed.number);
    const head = github.push(repo, pushed.number, page('pushed meanwhile'));
    const opened = github.openPullRequest({ repo });
    await world.restart('SIGTERM');

    await world.shows(await world.running(repo, pushed.number, head), 'pushed meanwhile');
    await world.running(repo, opened.number, opened.headSha);
    await world.removed(repo, closed.number);
    await waitUntil('its namespace to be gone', async () => (await world.namespaces()).length === 2);
    await inactive(world, repo, closed.number);
    assert.equal(await metric(world.berth, 'berth_reclaims_total{kind="namespace"}'), 1);
  });

  it('A13 B5 deliveries lost while up: they are asked for again, and no sweep is needed', async () => {
    const { github } = world;
    const repo = 'acme/lost';
    github.createRepository({ owner: 'acme', name: 'lost', from: page('lost') });
    const before = await metric(world.berth, 'berth_reclaims_total{kind="delivery"}');
    // Whatever is found now, no list has told of it.
    github.faults.add({ match: { path: 'pulls/list' }, status: 500 });
    github.deliveries.lose({ event: 'pull_request' }, 1);
    const { number, headSha } = github.openPullRequest({ repo });
    await world.running(repo, number, headSha);
    const attempts = github.deliveries.all.filter(
      ({ event, payload }) => event === 'pull_request' && JSON.stringify(payload).includes(`"full_name":"${repo}"`),
    );
    assert.deepEqual(
      attempts.map(({ redelivery, statusCode }) => [redelivery, statusCode]),
      [
        [false, 502],
        [true, 202],
      ],
    );
    assert.ok((await metric(world.berth, 'berth_reclaims_total{kind="delivery"}')) > before);
  });

  it("B5 a fork's pull request without a namespace, closed unnoticed: the comment says so", async () => {
    const { github } = world;
    const repo = 'acme/forked';
    github.createRepository({ owner: 'acme', name: 'forked', from: page('forked') });
    const { number } = github.openPullRequest({ repo, fromFork: 'stranger' });
    await world.commented(repo, number, /approv/i);
    await content(world.berth);
    loseEverything();
    github.closePullRequest(repo, number);
    await world.removed(repo, number);
    assert.equal(github.comments(repo, number).length, 1);
  });

  it('B5 closed unnoticed, its namespace gone as well: comment and deployment are put right', async () => {
    const { github, cluster } = world;
    const repo = 'acme/vanished';
    github.createRepository({ owner: 'acme', name: 'vanished', from: page('vanished') });
    const { number, headSha } = github.openPullRequest({ repo });
    await world.running(repo, number, headSha);
    await content(world.berth);
    const before = (await world.namespaces()).map(({ metadata }) => metadata?.name ?? '');
    const [name = ''] = before.filter((each) => each.includes('vanished'));
    await world.berth.stop();
    loseEverything();
    github.closePullRequest(repo, number);
    await cluster.deleteNamespace({ name, gracePeriodSeconds: 0 });
    await cluster.deleteCollectionNamespacedPod({ namespace: name, gracePeriodSeconds: 0 });
    const isThere = async () => (await world.namespaces()).some(({ metadata }) => metadata?.name === name);
    await waitUntil('the namespace to be gone', async () => !(await isThere()));
    await world.restart('SIGTERM');
    await world.removed(repo, number);
    await inactive(world, repo, number);
    await waitUntil(
      'the reclaim to be counted',
      async () => (await metric(world.berth, 'berth_reclaims_total{kind="deployment"}')) === 1,
    );
    assert.equal(await metric(world.berth, 'berth_reclaims_total{kind="namespace"}'), 0);
  });
});

/** Waits for the pull request's one deployment to end, which is written after the comment. */
async function inactive({ github }: World, repo: string, number: number): Promise<void> {
  const isInactive = () => {
    const [deployment, ...others] = github.deployments(repo, number);
    return others.length === 0 && deployment?.statuses.at(-1)?.state === 'inactive';
  };
  await github.until(isInactive, { what: 'its deployment to be inactive' });
}

/** Waits for a sweep that finds nothing to do: whatever was told of has been seen to. */
async function content({ log, logged }: BerthProcess): Promise<void> {
  const seen = new Set(log);
  await logged(
    (line) => !seen.has(line) && line.msg === 'swept' && line['triggered'] === 0,
    'a sweep had nothing to do',
  );
}

/** One figure, by the name and labels that Prometheus shows. */
async function metric({ log }: BerthProcess, name: string): Promise<number> {
  const port = log.find(({ msg }) => msg === 'listening for operators')?.['port'];
  const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  assert.ok(line, `${name} is among the metrics`);
  return Number(line.slice(name.length + 1));
}
