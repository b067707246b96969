import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { FencedError } from '../../src/domain/errors.ts';
import type { PullRequest } from '../../src/domain/preview.ts';
import { buildsBehind, closedGate } from './gate.ts';
import { app, itInWorld, type TestWorld } from './world.ts';

const second = { ...app, 'app.txt': 'second' };
const progressing = { state: 'progressing', message: '0 of 1 pods are ready' } as const;

describe('a newer revision', () => {
  const building = closedGate();
  itInWorld(
    'stops the build of the older one',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.queue.trigger(key);
      await world.until(() => building.waiting === 1);
      const revision = world.push(key, second);
      await world.queue.trigger(key);
      await world.until(() => building.waiting === 1 && world.source.asked.includes(revision));
      building.open();
      await world.queue.idle();
      assert.equal(world.builder.builds.length, 1);
      assert.equal(world.namespace(key)?.revision, revision);
    },
    { replace: buildsBehind(building) },
  );

  itInWorld('stops the Helm run of the older one', async (world) => {
    world.releaser.next({ hang: true });
    const { key } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.releaser.upgrades.length === 1);
    const revision = world.push(key, second);
    await world.run(key);
    assert.deepEqual(
      world.namespace(key)?.helm.map(({ status }) => status),
      ['failed', 'deployed'],
    );
    assert.equal(world.namespace(key)?.revision, revision);
  });

  itInWorld('ends the waiting for pods of the older one', async (world) => {
    world.releaser.readyAs(progressing);
    const { key } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
    world.releaser.readyAs({ state: 'ready' });
    const revision = world.push(key, second);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal(world.releaser.upgrades.length, 2);
  });
});

describe('closing in the middle', () => {
  const building = closedGate();
  itInWorld(
    'B6 stops the build and leaves no namespace',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.queue.trigger(key);
      await world.until(() => building.waiting === 1);
      world.close(key);
      await world.run(key);
      assert.equal(building.waiting, 0);
      assert.deepEqual(await world.queue.waitingFor(key), []);
      assert.equal(world.namespace(key), undefined);
    },
    { replace: buildsBehind(building) },
  );

  itInWorld('B7 stops Helm and leaves nothing', async (world) => {
    world.releaser.next({ hang: true });
    const { key } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.releaser.upgrades.length === 1);
    world.close(key);
    await world.run(key);
    assert.equal(world.cluster.world.namespaces.size, 0);
    assert.equal((await world.status(key))?.phase, 'Removed');
  });
});

describe('a trigger in the middle', () => {
  let questions = 0;
  const counted: NonNullable<Parameters<typeof itInWorld>[2]> = {
    replace: ({ forge }) => ({
      forge: {
        ...forge,
        async pullRequest(key, signal) {
          questions += 1;
          return forge.pullRequest(key, signal);
        },
      },
    }),
  };

  itInWorld(
    'F3 lets the run go on when nothing is asked for anew, and one look follows',
    async (world) => {
      world.releaser.readyAs(progressing);
      const { key, head } = world.openPullRequest();
      await world.queue.trigger(key);
      await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
      questions = 0;
      world.forge.people.change(key, { title: 'Another title' });
      await Promise.all(Array.from({ length: 20 }, () => world.queue.trigger(key)));
      await world.until(() => questions === 2);
      world.cluster.setWorkloads(world.name(key), { state: 'ready' });
      await world.queue.idle();
      assert.equal(world.namespace(key)?.revision, head.revision);
      assert.equal(world.releaser.upgrades.length, 1);
      // One look at a time during the run and one more for all that came meanwhile; then the run that follows, which looks
      // before it speaks and afterwards.
      assert.equal(questions, 4);
    },
    counted,
  );

  itInWorld('lets the run go on when the forge does not say what is asked for', async (world) => {
    world.releaser.next({ hang: true });
    const { key } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.releaser.upgrades.length === 1);
    world.forge.fail(new Error('out of order'));
    await world.queue.trigger(key);
    for (let turn = 0; turn < 10; turn += 1) await world.until(() => true);
    assert.equal(world.namespace(key)?.helm.at(-1)?.status, 'pending-install');
    world.forge.fail();
    world.close(key);
    await world.run(key);
    assert.equal(world.cluster.world.namespaces.size, 0);
  });
});

describe('a second worker', () => {
  /** Helm, as a worker sees it that is stopped in the middle and goes on when the gate is opened. */
  const stopped = closedGate();
  let isFirst = true;

  itInWorld(
    'F2 takes over, and the one that was stopped writes nothing any more',
    async (world) => {
      const { key } = world.openPullRequest();
      const failure = stoppedWorker(world, key);
      await world.until(() => stopped.waiting === 1);
      const revision = world.push(key, second);
      await world.run(key);
      assert.equal(world.namespace(key)?.revision, revision);

      const before = structuredClone([world.namespace(key), world.forge.writes, world.forge.comment(key)]);
      stopped.open();
      assert.ok((await failure) instanceof FencedError);
      assert.deepEqual([world.namespace(key), world.forge.writes, world.forge.comment(key)], before);
    },
    {
      replace: ({ releaser }) => ({
        releaser: {
          ...releaser,
          async upgrade(request, signal) {
            if (!isFirst) return releaser.upgrade(request, signal);
            isFirst = false;
            await stopped.pass(signal);
            return { version: 1, hasDeleteHooks: false };
          },
        },
      }),
    },
  );

  /** Git, as a worker sees it that is stopped before it has claimed anything. */
  const stoppedEarly = closedGate();
  let stopsNext = false;

  itInWorld(
    'F2 takes over, and one that was stopped before its first claim loses, too, and writes nothing',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      world.push(key, second);
      stopsNext = true;
      const failure = world
        .reconcile(key, { signal: new AbortController().signal, by: 'event', onTrigger: () => undefined })
        .catch((error: unknown) => error);
      await world.until(() => stoppedEarly.waiting === 1);
      const revision = world.push(key, { ...app, 'app.txt': 'third' });
      await world.run(key);
      assert.equal(world.namespace(key)?.revision, revision);

      const before = structuredClone([world.namespace(key), world.forge.writes, world.forge.comment(key)]);
      stoppedEarly.open();
      await world.queue.idle();
      assert.ok((await failure) instanceof FencedError);
      await world.queue.idle();
      assert.deepEqual([world.namespace(key), world.forge.writes, world.forge.comment(key)], before);
    },
    {
      replace: ({ source }) => ({
        source: {
          ...source,
          async at(repository, revision, signal) {
            if (stopsNext) {
              stopsNext = false;
              await stoppedEarly.pass(signal);
            }
            return source.at(repository, revision, signal);
          },
        },
      }),
    },
  );

  /** GitHub, as a worker sees it that is stopped while it speaks. */
  const stoppedSpeaking = closedGate();
  let isMute = true;

  itInWorld(
    'F2 has the last word about a preview that has no namespace, and so no fence',
    async (world) => {
      const { key } = world.openPullRequest({ ...app, '.berth.yaml': 'images: 3\n' });
      const speaking = world.reconcile(key, {
        signal: new AbortController().signal,
        by: 'event',
        onTrigger: () => undefined,
      });
      await world.until(() => stoppedSpeaking.waiting === 1);
      world.close(key);
      await world.run(key);
      stoppedSpeaking.open();
      await speaking;
      assert.match(world.forge.comment(key) ?? '', /Failed/);
      await world.queue.idle();
      assert.match(world.forge.comment(key) ?? '', /removed/);
      assert.deepEqual(
        world.forge.deployments(key).map(({ state }) => state),
        ['inactive'],
      );
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          async writeComment(...comment) {
            if (isMute) {
              isMute = false;
              await stoppedSpeaking.pass(comment[3]);
            }
            return forge.writeComment(...comment);
          },
        },
      }),
    },
  );

  /** Kubernetes, as a worker sees it that is stopped before it makes the namespace. */
  const stoppedMaking = closedGate();
  let makesLate = false;

  itInWorld(
    'F2 removes again what it has made of a pull request that was closed meanwhile, without a fence to tell it',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      world.close(key);
      await world.run(key);
      world.reopen(key);
      makesLate = true;
      const making = world.reconcile(key, {
        signal: new AbortController().signal,
        by: 'event',
        onTrigger: () => undefined,
      });
      await world.until(() => stoppedMaking.waiting === 1);
      world.close(key);
      await world.run(key);
      stoppedMaking.open();
      await making;
      await world.queue.idle();
      assert.equal(world.namespace(key), undefined);
      assert.match(world.forge.comment(key) ?? '', /removed/);
    },
    {
      replace: ({ cluster }) => ({
        cluster: {
          ...cluster,
          async prepareNamespace(request, itsSignal) {
            if (makesLate) {
              makesLate = false;
              await stoppedMaking.pass(itsSignal);
            }
            return cluster.prepareNamespace(request, itsSignal);
          },
        },
      }),
    },
  );

  /** A worker beside the queue's, as one is that outlived its lock. Gives what it fails with. */
  async function stoppedWorker(world: TestWorld, key: PullRequest['key']): Promise<unknown> {
    const run = { signal: new AbortController().signal, by: 'event' as const, onTrigger: () => undefined };
    // The first look starts the build and ends; the worker that is stopped is the one that deploys.
    await world.reconcile(key, run);
    await world.until(() => world.builder.images.size === 2);
    try {
      await world.reconcile(key, run);
    } catch (error) {
      return error;
    }
    return undefined;
  }
});
