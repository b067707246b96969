import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { keyId, type PreviewKey } from '../../src/domain/preview.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import { app, itInWorld, patience, type TestWorld } from './world.ts';

const { signal } = new AbortController();
const noPhases = { Building: 0, Deploying: 0, Ready: 0, Failed: 0, Held: 0, Removing: 0 };
const removalTimeoutMs = 300_000;

/** Sweeps, and lets what it triggered run. Gives how many that were. */
async function swept(world: TestWorld): Promise<number> {
  const { triggered } = await sweep(world.ports, signal);
  await world.queue.idle();
  return triggered;
}

describe('sweep', () => {
  itInWorld('B5 finds what was opened and closed while nobody listened, and is then content', async (world) => {
    const closed = world.openPullRequest();
    await world.run(closed.key);
    world.close(closed.key);
    const opened = world.openPullRequest();
    assert.equal(await swept(world), 2);
    assert.equal(world.namespace(closed.key), undefined);
    assert.equal(world.namespace(opened.key)?.revision, opened.head.revision);
    assert.equal(await swept(world), 0);
  });

  itInWorld('looks at what the forge lists where it may see nothing of the cluster', async (world) => {
    const { key, head } = world.openPullRequest();
    const { triggered, namespaces } = await sweep({ ...world.ports, cluster: undefined }, signal);
    await world.queue.idle();
    assert.deepEqual({ triggered, namespaces }, { triggered: 1, namespaces: 0 });
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal((await sweep({ ...world.ports, cluster: undefined }, signal)).triggered, 0);
  });

  itInWorld('looks again only at what was changed', async (world) => {
    const [first, second] = [world.openPullRequest(), world.openPullRequest()];
    await world.run(first.key);
    await world.run(second.key);
    const revision = world.push(second.key, { ...app, 'app.txt': 'second' });
    assert.equal(await swept(world), 1);
    assert.equal(world.namespace(second.key)?.revision, revision);
  });

  itInWorld('is content with pull requests that have no preview', async (world) => {
    const { key } = world.openPullRequest({ ...app, '.berth.yaml': 'when: { label: wanted }\n' });
    await world.run(key);
    assert.equal(await swept(world), 0);
    world.label(key, 'wanted');
    assert.equal(await swept(world), 1);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });

  itInWorld('G2 looks at a preview whose namespace somebody removed', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.cluster.world.terminate(world.cluster.world.namespace(world.name(key)));
    await world.until(() => world.namespace(key) === undefined);
    assert.equal(await swept(world), 1);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  itInWorld('E10 has what somebody loosened put right', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.cluster.loosen(world.name(key));
    assert.equal(await swept(world), 1);
    assert.equal(world.namespace(key)?.preparedFor?.trust, 'trusted');
    assert.equal(await swept(world), 0);
  });

  itInWorld('G2 has a release that somebody uninstalled made again', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.cluster.world.namespace(world.name(key)).helm = [];
    assert.equal(await swept(world), 1);
    assert.equal(world.namespace(key)?.helm.at(-1)?.status, 'deployed');
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal(await swept(world), 0);
  });

  itInWorld(
    'looks at the pull requests all the same when the cluster does not tell what was changed in it',
    async (world) => {
      const { key } = world.openPullRequest();
      await assert.rejects(swept(world), /too many requests/);
      await world.queue.idle();
      assert.equal(world.namespace(key)?.preparedFor?.trust, 'trusted');
    },
    {
      replace: ({ cluster }) => ({
        cluster: { ...cluster, disturbed: () => Promise.reject(new Error('too many requests')) },
      }),
    },
  );

  itInWorld('G2 looks at everything again after a while', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    await world.clock.advance(patience.resyncIntervalMs);
    assert.equal(await swept(world), 1);
  });

  itInWorld('looks again at what failed, without writing the same again', async (world) => {
    world.releaser.readyAs({ state: 'failing', diagnosis: { reason: 'ProbeFailed', message: 'It does not answer.' } });
    const { key } = world.openPullRequest();
    await world.run(key);
    const { writes } = world.forge;
    assert.equal(await swept(world), 1);
    assert.equal(world.forge.writes, writes);

    world.cluster.setWorkloads(world.name(key), { state: 'ready' });
    assert.equal(await swept(world), 1);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });

  let emptyList = false;
  itInWorld(
    'B8 removes nothing because of a list that is empty',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      emptyList = true;
      assert.equal(await swept(world), 1);
      assert.equal(world.namespace(key)?.revision, head.revision);
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          openPullRequests: (...question) => (emptyList ? Promise.resolve([]) : forge.openPullRequests(...question)),
        },
      }),
    },
  );

  itInWorld(
    'B8 sees the other repositories when the list of one fails, and believes that one for an hour',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      const other = world.forge.people.addRepository('acme', 'blog');
      const revision = world.source.commit(other.id, app);
      const { key: otherKey } = world.forge.people.openPullRequest(other.id, {
        head: { revision, branch: 'topic', repositoryId: other.id },
      });
      assert.equal(await swept(world), 1);
      assert.equal(world.queue.triggered.at(-1), keyId(otherKey));
      assert.equal(world.cluster.world.namespaces.size, 2);
      await world.clock.advance(patience.resyncIntervalMs);
      assert.equal(await swept(world), 2);
      assert.equal(world.namespace(key)?.revision, head.revision);
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          openPullRequests: (repository, ...how) =>
            repository.name === 'shop' ? Promise.reject(new Error('500')) : forge.openPullRequests(repository, ...how),
        },
      }),
    },
  );

  let noRepositories = false;
  itInWorld(
    'B8 removes nothing and fails when the repositories cannot be listed',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      const before = world.queue.triggered.length;
      noRepositories = true;
      await assert.rejects(swept(world), /502/);
      await world.clock.advance(patience.resyncIntervalMs);
      await assert.rejects(swept(world), /502/);
      await world.queue.idle();
      assert.deepEqual(world.queue.triggered.slice(before), [keyId(key)]);
      assert.equal(world.namespace(key)?.revision, head.revision);
      noRepositories = false;
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          repositories: (signal) => (noRepositories ? Promise.reject(new Error('502')) : forge.repositories(signal)),
        },
      }),
    },
  );

  let noNamespaces = false;
  itInWorld(
    'looks at changed pull requests, and fails, when the cluster lists no namespaces',
    async (world) => {
      const [first, second] = [world.openPullRequest(), world.openPullRequest()];
      await world.run(first.key);
      await world.run(second.key);
      const revision = world.push(second.key, { ...app, 'app.txt': 'second' });
      const before = world.queue.triggered.length;
      noNamespaces = true;
      await assert.rejects(swept(world), /no API server/);
      noNamespaces = false;
      await world.queue.idle();
      assert.equal(world.queue.triggered[before], keyId(second.key));
      assert.ok(!world.queue.triggered.slice(before).includes(keyId(first.key)));
      assert.equal(world.namespace(second.key)?.revision, revision);
    },
    {
      replace: ({ cluster }) => ({
        cluster: {
          ...cluster,
          previews: (signal) => (noNamespaces ? Promise.reject(new Error('no API server')) : cluster.previews(signal)),
        },
      }),
    },
  );

  itInWorld('B5 looks once at what was closed before it had a namespace', async (world) => {
    const { key } = world.openFork();
    await world.run(key);
    assert.match(world.forge.comment(key) ?? '', /approv/);
    world.close(key);
    assert.equal(await swept(world), 1);
    assert.match(world.forge.comment(key) ?? '', /removed|closed/i);
    assert.equal(await swept(world), 0);
    await world.clock.advance(8 * 86_400_000);
    assert.equal(await swept(world), 0);
  });

  itInWorld(
    'looks at a pull request that deployments are about, but that is neither open nor settled',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      world.cluster.world.terminate(world.cluster.world.namespace(world.name(key)));
      await world.until(() => world.namespace(key) === undefined);
      world.forge.people.change(key, { state: 'closed' });
      const forge = { ...world.forge, recentlyClosed: async () => [] };
      const { triggered } = await sweep({ ...world.ports, forge }, signal);
      assert.equal(triggered, 1);
      await world.queue.idle();
      assert.deepEqual(
        world.forge.deployments(key).map(({ state }) => state),
        ['inactive'],
      );
      await world.clock.advance(8 * 86_400_000);
      assert.equal((await sweep({ ...world.ports, forge }, signal)).triggered, 0);
    },
  );

  itInWorld(
    'F4 looks at a part of what was closed in one sweep, and at the rest in those that follow',
    async (world) => {
      for (let nth = 0; nth < 30; nth += 1) world.close(world.openPullRequest().key);
      assert.equal(await swept(world), 20);
      assert.equal(await swept(world), 10);
      assert.equal(await swept(world), 0);
    },
  );

  let brokenKey: PreviewKey | undefined;
  itInWorld(
    'F8 makes room for others when one that was closed cannot be looked at',
    async (world) => {
      const { key } = world.openPullRequest();
      world.close(key);
      brokenKey = key;
      assert.equal(await swept(world), 1);
      assert.equal(world.failures().length, 1);
      // The queue tries it again by itself.
      assert.equal(await swept(world), 0);
      brokenKey = undefined;
      await world.clock.advance(1_000);
      await world.queue.idle();
      assert.equal(await swept(world), 0);
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          pullRequest: (key, signal) =>
            brokenKey === undefined ? forge.pullRequest(key, signal) : Promise.reject(new Error('500')),
        },
      }),
    },
  );

  for (const list of ['recentlyClosed', 'deployedPullRequests'] as const) {
    itInWorld(`sees everything else when ${list} fails`, async (world) => {
      const { key, head } = world.openPullRequest();
      const forge = { ...world.forge, [list]: () => Promise.reject(new Error('500')) };
      const seen = await sweep({ ...world.ports, forge }, signal);
      assert.deepEqual(seen, { open: 1, namespaces: 0, terminating: 0, stuck: 0, triggered: 1, phases: noPhases });
      await world.queue.idle();
      assert.equal(world.namespace(key)?.revision, head.revision);
    });
  }

  itInWorld('counts what it sees', async (world) => {
    const [first, second] = [world.openPullRequest(), world.openPullRequest()];
    await world.run(first.key);
    await world.run(second.key);
    world.cluster.hold(world.name(first.key), 'a finalizer');
    world.cluster.world.terminate(world.cluster.world.namespace(world.name(first.key)));
    const seen = await sweep(world.ports, signal);
    const phases = { ...noPhases, Ready: 2 };
    assert.deepEqual(seen, { open: 2, namespaces: 2, terminating: 1, stuck: 0, triggered: 1, phases });
    world.cluster.world.letGo(world.name(first.key));
    await world.queue.idle();
  });

  itInWorld('counts previews by what was reported of them, whether they have a namespace or not', async (world) => {
    await world.run(world.openPullRequest().key);
    await world.run(world.openFork().key);
    await world.run(world.openPullRequest({ Dockerfile: 'FROM base\nRUN false\n' }).key);
    const { phases } = await sweep(world.ports, signal, 'berth');
    assert.deepEqual(phases, { ...noPhases, Ready: 1, Held: 1, Failed: 1 });
    await world.queue.idle();
  });

  itInWorld(
    'counts those whose removal is stuck',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      world.cluster.hold(world.name(key), 'a finalizer');
      world.close(key);
      await world.queue.trigger(key);
      await world.until(() => world.namespace(key)?.terminating === true);
      await world.clock.advance(removalTimeoutMs);
      await world.queue.idle();
      const { stuck, phases } = await sweep(world.ports, signal);
      assert.deepEqual({ stuck, phases }, { stuck: 1, phases: { ...noPhases, Failed: 1 } });
      world.cluster.world.letGo(world.name(key));
      await world.run(key);
    },
    { limits: { removalTimeoutMs } },
  );

  itInWorld('F4 ends with the first trigger that cannot be stored, and finds everything again', async (world) => {
    world.openPullRequest();
    world.openPullRequest();
    const queue = { ...world.queue, trigger: () => Promise.reject(new Error('no Redis')) };
    await assert.rejects(sweep({ ...world.ports, queue }, signal), /no Redis/);
    assert.equal(await swept(world), 2);
  });

  itInWorld('ends when it is aborted', async (world) => {
    world.openPullRequest();
    await assert.rejects(sweep(world.ports, AbortSignal.abort(new Error('stopping'))), /stopping/);
    assert.deepEqual(world.queue.triggered, []);
    assert.equal(await swept(world), 1);
  });
});
