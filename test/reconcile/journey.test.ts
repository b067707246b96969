import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { app, itInWorld } from './world.ts';

const stagesOf = ({ telemetry }: { telemetry: { stages: readonly { stage: string }[] } }) =>
  telemetry.stages.map(({ stage }) => stage);
const onlyAsked = ['started', 'reported'];
const whole = [...onlyAsked, 'build started', 'built', 'deployed', 'ready'].toSorted();

describe('journey', () => {
  itInWorld('comes by every stage once, from the webhook to ready', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    assert.deepEqual(stagesOf(world).toSorted(), whole);
    await world.run(key);
    assert.equal(stagesOf(world).length, whole.length, 'news about nothing are no journey');
    assert.deepEqual(world.telemetry.images, [false]);
    assert.deepEqual(world.telemetry.builds, ['built']);
  });

  itInWorld('begins anew with a push, and builds nothing that is there', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const before = stagesOf(world).length;
    world.push(key, { ...app, '.berth.yaml': 'values: { greeting: hello }\n', '.dockerignore': '.berth.yaml\n' });
    await world.run(key);
    const stages = stagesOf(world).slice(before);
    assert.ok(stages.includes('ready'), stages.join());
    assert.equal(world.telemetry.images.length, 2);
  });

  itInWorld('ends with the namespace when it is closed', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const before = stagesOf(world).length;
    world.close(key);
    await world.run(key);
    assert.deepEqual(stagesOf(world).slice(before), ['started', 'removing', 'removed']);
  });

  itInWorld('measures from when the event came, also when its turn comes late', async (world) => {
    const { key } = world.openPullRequest();
    const since = world.clock.now() - 90_000;
    const run = { signal: new AbortController().signal, by: 'event' as const, since, onTrigger: () => undefined };
    await world.reconcile(key, run);
    assert.deepEqual(world.telemetry.stages[0], { stage: 'started', afterMs: 90_000 });
    await world.queue.idle();
  });

  itInWorld('an approval is a beginning of its own', async (world) => {
    const { key } = world.openFork();
    await world.run(key);
    assert.deepEqual(stagesOf(world), onlyAsked);
    await world.clock.advance(3_600_000);
    world.approve(key);
    await world.run(key);
    const ready = world.telemetry.stages.find(({ stage }) => stage === 'ready');
    assert.ok(ready && ready.afterMs < 60_000, `ready after ${ready?.afterMs} ms`);
  });

  itInWorld('of what no event told, nothing is measured', async (world) => {
    const { key } = world.openPullRequest();
    await world.queue.trigger(key, { by: 'sweep' });
    await world.queue.idle();
    assert.deepEqual(stagesOf(world), []);
  });

  itInWorld(
    'is lost with the store, and nothing else is',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      assert.equal(world.namespace(key)?.revision, head.revision);
      assert.deepEqual(stagesOf(world), onlyAsked, 'what the pass has seen that the event led to');
    },
    {
      replace: ({ store }) => ({
        store: {
          ...store,
          get: (name) => (name.startsWith('journey:') ? Promise.reject(new Error('away')) : store.get(name)),
          set: (name, ...rest) =>
            name.startsWith('journey:') ? Promise.reject(new Error('away')) : store.set(name, ...rest),
        },
      }),
    },
  );
});
