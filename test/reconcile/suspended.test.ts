import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { RetryLaterError } from '../../src/domain/errors.ts';
import { app, itInWorld, type TestWorld } from './world.ts';

const laterMs = 16 * 60_000;

/** An open pull request of another owner, whose preview goes on. */
function another(world: TestWorld) {
  const { forge, source } = world;
  const { id } = forge.people.addRepository('other', 'api');
  const head = { revision: source.commit(id, app), branch: 'topic', repositoryId: id };
  return forge.people.openPullRequest(id, { head }).key;
}

describe('while the installation is suspended', () => {
  itInWorld('B10 nothing is removed, others go on, and it goes on itself afterwards', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const before = world.namespace(key)?.uid;
    assert.ok(before);
    world.forge.people.suspend('acme');
    await world.run(key);
    const [failure, ...others] = world.failures();
    assert.ok(failure instanceof RetryLaterError, String(failure));
    assert.deepEqual(others, []);
    assert.equal(world.namespace(key)?.uid, before);
    const otherKey = another(world);
    await world.run(otherKey);
    assert.equal(world.forge.deployments(otherKey)[0]?.state, 'success');
    const revision = world.push(key, { ...app, 'app.txt': 'second' });
    world.forge.people.unsuspend('acme');
    // Nobody tells us: it comes back by itself.
    await world.clock.advance(laterMs);
    await world.queue.idle();
    const status = await world.status(key);
    assert.deepEqual([status?.phase, status?.revision], ['Ready', revision]);
    assert.equal(world.namespace(key)?.uid, before);
  });

  itInWorld('B10 a pull request that is closed keeps its preview until it can be asked about', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.forge.people.suspend('acme');
    world.close(key);
    await world.run(key);
    assert.equal(world.failures().length, 1);
    assert.ok(world.namespace(key));
    world.forge.people.unsuspend('acme');
    await world.clock.advance(laterMs);
    await world.queue.idle();
    assert.equal(world.namespace(key), undefined);
  });
});
