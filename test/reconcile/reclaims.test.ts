import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { itInWorld } from './world.ts';

describe('what nobody has told us of', () => {
  itInWorld('is counted when the sweep finds it: a namespace and a deployment', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    assert.deepEqual([...world.telemetry.reclaims], []);
    world.close(key);
    await world.queue.trigger(key, { by: 'sweep' });
    await world.queue.idle();
    assert.equal(world.namespace(key), undefined);
    assert.deepEqual(Object.fromEntries(world.telemetry.reclaims), { namespace: 1, deployment: 1 });
  });

  itInWorld('is not counted when an event asked for it', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.close(key);
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.deepEqual([...world.telemetry.reclaims], []);
  });

  itInWorld('is counted when an event asked for it and the removal was lost in the middle', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.close(key);
    const outage = new Error('503');
    world.forge.fail(outage);
    await world.run(key);
    assert.deepEqual(world.failures(), [outage]);
    // With Redis, everything that knew of the event is gone.
    world.queue.clear();
    world.forge.fail();
    await world.queue.trigger(key, { by: 'sweep' });
    await world.queue.idle();
    assert.deepEqual(Object.fromEntries(world.telemetry.reclaims), { namespace: 1, deployment: 1 });
  });

  itInWorld('is counted when it is a release that a killed Helm left pending', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.namespace(key)?.helm.push({ version: 2, status: 'pending-upgrade' });
    await world.queue.trigger(key, { by: 'sweep' });
    await world.queue.idle();
    assert.deepEqual(Object.fromEntries(world.telemetry.reclaims), { release: 1 });
  });
});
