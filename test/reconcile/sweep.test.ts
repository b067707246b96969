import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { keyId } from '../../src/domain/preview.ts';
import { settledTtlMs } from '../../src/reconcile/settled.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import { app, itInWorld, type TestWorld } from './world.ts';

const { signal } = new AbortController();

/** Sweeps, and lets what it triggered run. Gives how many that were. */
async function swept(world: TestWorld): Promise<number> {
  const triggered = await sweep(world.ports, signal);
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

  itInWorld('looks at everything again after a while', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    await world.clock.advance(settledTtlMs);
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
    'B8 sees the other repositories when the list of one fails, and removes nothing of that one',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      const other = world.forge.people.addRepository('acme', 'blog');
      const revision = world.source.commit(other.id, app);
      const { key: otherKey } = world.forge.people.openPullRequest(other.id, {
        head: { revision, branch: 'topic', repositoryId: other.id },
      });
      assert.equal(await swept(world), 2);
      assert.deepEqual(world.queue.triggered.slice(-2).toSorted(), [keyId(key), keyId(otherKey)].toSorted());
      assert.equal(world.namespace(key)?.revision, head.revision);
      assert.equal(world.cluster.world.namespaces.size, 2);
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
