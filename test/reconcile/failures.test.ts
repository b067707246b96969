import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { RetryLaterError } from '../../src/domain/errors.ts';
import { keyId, type Diagnosis } from '../../src/domain/preview.ts';
import { settledKey } from '../../src/reconcile/settled.ts';
import { app, itInWorld, patience } from './world.ts';

const second = { ...app, 'app.txt': 'second' };
const broken = { ...app, Dockerfile: 'FROM base\nRUN echo hello && exit 3\n' };
const crash: Diagnosis = { reason: 'ContainerCrashed', message: 'The container web crashed.', log: ['no such table'] };
const refusal: Diagnosis = { reason: 'ChartInvalid', message: 'The chart cannot be rendered.' };

describe('a build that fails', () => {
  itInWorld('is explained with what it said, and the next push recovers', async (world) => {
    const { key } = world.openPullRequest(broken);
    await world.run(key);
    const status = await world.status(key);
    assert.equal(status?.diagnosis?.reason, 'BuildFailed');
    assert.match(world.forge.comment(key) ?? '', /Dockerfile:2[^]*hello/);
    assert.equal(world.forge.deployments(key).at(-1)?.state, 'failure');
    await world.assertSettled(key);

    const revision = world.push(key, app);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });

  itInWorld('leaves the preview that runs as it is', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.push(key, broken);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.match(world.forge.comment(key) ?? '', /Still serving/);
  });
});

describe('a release that fails', () => {
  itInWorld('is written down, and not repeated for the same plan', async (world) => {
    world.releaser.next({ fail: crash });
    const { key } = world.openPullRequest();
    await world.run(key);
    assert.equal(world.namespace(key)?.record?.outcome.state, 'failed');
    assert.match(world.forge.comment(key) ?? '', /no such table/);
    await world.assertSettled(key);
    assert.equal(world.releaser.upgrades.length, 1);

    const revision = world.push(key, second);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, revision);
  });

  itInWorld('is explained when Helm left nothing behind', async (world) => {
    world.releaser.next({ refuse: refusal });
    const { key } = world.openPullRequest();
    await world.run(key);
    assert.deepEqual((await world.status(key))?.diagnosis, refusal);
  });

  itInWorld('E5 is explained when the chart leads out of its folder', async (world) => {
    const { key } = world.openPullRequest({
      '.berth.yaml': 'images: { web: { context: app } }\nroutes: {}\n',
      'app/Dockerfile': 'FROM base\n',
      'chart/Chart.yaml': 'name: app\nversion: 0.1.0\n',
      'chart/values.yaml': { link: '../../secret' },
    });
    await world.run(key);
    assert.match(world.forge.comment(key) ?? '', /symbolic link/);
    assert.equal((await world.status(key))?.phase, 'Failed');
    assert.deepEqual(world.releaser.upgrades, []);
  });

  itInWorld('G1 goes on after Helm was killed', async (world) => {
    world.releaser.next({ kill: true });
    const { key, head } = world.openPullRequest();
    await world.run(key);
    assert.equal(world.namespace(key)?.helm.at(-1)?.status, 'pending-install');
    assert.equal(world.failures().length, 1);

    await world.clock.advance(60_000);
    await world.queue.idle();
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal(world.releaser.upgrades.length, 2);
  });

  itInWorld('is tried again when Helm was interrupted', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    const namespace = world.namespace(key);
    namespace?.helm.push({ version: 2, status: 'failed' });
    await world.run(key);
    assert.equal(world.releaser.upgrades.length, 2);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  itInWorld('G2 is made again when somebody removed the namespace', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    const namespace = world.cluster.world.namespace(world.name(key));
    world.cluster.world.terminate(namespace);
    await world.run(key);
    assert.notEqual(world.namespace(key)?.uid, namespace.uid);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });
});

describe('pods that fail', () => {
  itInWorld('G7 are explained while the older revision still serves, and the next push recovers', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.releaser.readyAs({ state: 'failing', diagnosis: crash });
    world.push(key, second);
    await world.run(key);
    const status = await world.status(key);
    assert.equal(status?.diagnosis?.reason, 'ContainerCrashed');
    assert.equal(status.serving, head.revision);
    assert.match(world.forge.comment(key) ?? '', /Still serving[^]*no such table/);
    assert.equal(world.namespace(key)?.revision, head.revision);
    await world.assertSettled(key);

    world.releaser.readyAs({ state: 'ready' });
    const revision = world.push(key, { ...app, 'app.txt': 'third' });
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.doesNotMatch(world.forge.comment(key) ?? '', /no such table/);
  });

  const readyTimeoutMs = 60_000;
  itInWorld(
    'are given up in the end, not waited for again, and taken when they come',
    async (world) => {
      world.releaser.readyAs({ state: 'progressing', message: 'The pod web-1 is being scheduled.' });
      const { key, head } = world.openPullRequest();
      await world.queue.trigger(key);
      await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
      await world.until(() => (world.forge.comment(key) ?? '').includes('Deploying'));
      await world.clock.advance(readyTimeoutMs);
      await world.queue.idle();
      const status = await world.status(key);
      assert.equal(status?.diagnosis?.reason, 'NotReadyInTime');
      assert.match(status.message, /the pod web-1 is being scheduled/);
      assert.equal(world.forge.deployments(key).at(-1)?.state, 'failure');
      await world.assertSettled(key);

      world.cluster.setWorkloads(world.name(key), { state: 'ready' });
      await world.run(key);
      assert.equal(world.namespace(key)?.revision, head.revision);
      assert.equal((await world.status(key))?.phase, 'Ready');
    },
    { limits: { readyTimeoutMs } },
  );

  itInWorld('have their whole time again in a new namespace', async (world) => {
    world.releaser.readyAs({ state: 'progressing', message: 'The pod web-1 is being scheduled.' });
    const { key } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
    await world.clock.advance(patience.readyTimeoutMs - 1);
    const old = world.cluster.world.namespace(world.name(key));
    world.cluster.world.terminate(old);
    await world.queue.idle();
    assert.match(String(world.failures()), /changed nothing/);

    await world.clock.advance(60_000);
    await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
    world.cluster.setWorkloads(world.name(key), { state: 'ready' });
    await world.queue.idle();
    assert.notEqual(world.namespace(key)?.uid, old.uid);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });
});

describe('an image that is built elsewhere', () => {
  const files = { '.berth.yaml': 'images: { api: { from: "ghcr.test/acme/api:${sha}" } }\n' };
  const digest = `sha256:${'1'.repeat(64)}`;

  itInWorld('is asked for now and then until it appears', async (world) => {
    const { key, head } = world.openPullRequest(files);
    await world.run(key);
    assert.match(world.forge.comment(key) ?? '', /built elsewhere/);
    assert.ok(world.queue.delayed.has(keyId(key)));
    await world.assertSettled(key);
    await world.clock.advance(20_000);
    await world.queue.idle();
    assert.deepEqual(world.releaser.upgrades, []);

    world.builder.images.set(`ghcr.test/acme/api:${head.revision}`, { digest, labels: {}, env: [] });
    await world.clock.advance(10_000);
    await world.queue.idle();
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  itInWorld('is given up in the end, and taken when it appears after all', async (world) => {
    const { key, head } = world.openPullRequest(files);
    await world.run(key);
    await world.clock.advance(60_000);
    await world.queue.idle();
    assert.equal((await world.status(key))?.diagnosis?.reason, 'ImageMissing');
    assert.match(world.forge.comment(key) ?? '', /1 minute/);
    assert.equal(world.queue.delayed.has(keyId(key)), false);
    await world.assertSettled(key);

    world.builder.images.set(`ghcr.test/acme/api:${head.revision}`, { digest, labels: {}, env: [] });
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });
});

describe('a forge that is out of order', () => {
  itInWorld('B8 removes nothing, and the work goes on when it is back', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const before = structuredClone(world.namespace(key));
    const outage = new Error('500');
    world.forge.fail(outage);
    world.close(key);
    await world.run(key);
    assert.deepEqual(world.failures(), [outage]);
    assert.deepEqual(world.namespace(key), before);

    world.forge.fail();
    await world.clock.advance(60_000);
    await world.queue.idle();
    assert.equal(world.namespace(key), undefined);
  });

  itInWorld('C2 is asked again when it said so, and not before', async (world) => {
    const { key, head } = world.openPullRequest();
    const retryAt = world.clock.now() + 20_000;
    const limit = new RetryLaterError('rate limit', retryAt);
    world.forge.fail(limit);
    await world.run(key);
    assert.deepEqual(world.failures(), [limit]);
    assert.equal(world.queue.delayed.get(keyId(key)), retryAt);

    world.forge.fail();
    await world.clock.advance(20_000);
    await world.queue.idle();
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  let isSilent = true;
  itInWorld(
    'does not keep a preview from being made, and hears of it later',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      assert.equal(world.namespace(key)?.revision, head.revision);
      assert.equal(world.forge.comment(key), undefined);
      assert.notEqual(world.failures().length, 0);

      isSilent = false;
      await world.clock.advance(60_000);
      await world.queue.idle();
      assert.match(world.forge.comment(key) ?? '', /Open the preview/);
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          async writeComment(...comment) {
            if (isSilent) throw new Error('502');
            return forge.writeComment(...comment);
          },
        },
      }),
    },
  );

  let isDown = true;
  itInWorld(
    'does not hide what the work failed with',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      const failures = new Set(world.failures().map((error) => (error as Error).message));
      assert.deepEqual([...failures], ['cluster out of order']);
      isDown = false;
      await world.clock.advance(60_000);
      await world.queue.idle();
      assert.equal((await world.status(key))?.phase, 'Ready');
    },
    {
      replace: ({ forge, cluster }) => ({
        forge: {
          ...forge,
          async writeComment(...comment) {
            if (isDown) throw new Error('502');
            return forge.writeComment(...comment);
          },
        },
        cluster: {
          ...cluster,
          async prepareNamespace(...request) {
            if (isDown) throw new Error('cluster out of order');
            return cluster.prepareNamespace(...request);
          },
        },
      }),
    },
  );
});

describe('a step that changes nothing', () => {
  let isForgetful = true;
  itInWorld(
    'is not taken twice in one pass',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await world.run(key);
      const [failure] = world.failures();
      assert.match(String(failure), /"record revision" changed nothing/);

      isForgetful = false;
      await world.clock.advance(60_000);
      await world.queue.idle();
      assert.equal(world.namespace(key)?.revision, head.revision);
    },
    {
      replace: ({ cluster }) => ({
        cluster: {
          ...cluster,
          async recordRevision(...revision) {
            if (!isForgetful) await cluster.recordRevision(...revision);
          },
        },
      }),
    },
  );
});

describe('a pass that cannot tell what it has done', () => {
  let isMute = false;
  itInWorld(
    'leaves nothing settled, neither what it has made nor what was before, so that the sweep looks again',
    async (world) => {
      const { key } = world.openPullRequest();
      const settled = () => world.store.get(settledKey(key));
      const heardAgain = async () => {
        isMute = false;
        world.failures();
        await world.clock.advance(15 * 60_000);
        await world.queue.idle();
        assert.ok(await settled());
      };

      isMute = true;
      await world.run(key);
      assert.equal(world.namespace(key)?.workloads.state, 'ready');
      assert.equal(await settled(), undefined);
      await heardAgain();

      isMute = true;
      world.push(key, second);
      await world.run(key);
      assert.equal(await settled(), undefined);
      await heardAgain();
    },
    {
      replace: ({ forge }) => ({
        forge: {
          ...forge,
          async writeComment(...comment) {
            if (isMute) throw new Error('GitHub answered 502');
            await forge.writeComment(...comment);
          },
        },
      }),
    },
  );
});
