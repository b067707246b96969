import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { RetryLaterError } from '../../src/domain/errors.ts';
import { buildsBehind, closedGate } from './gate.ts';
import { app, itInWorld } from './world.ts';

/** Only `app/` is part of the image. */
const appInFolder = {
  '.berth.yaml': 'images: { web: { context: app } }\n',
  'app/Dockerfile': 'FROM base\n',
  'README.md': 'first',
};

describe('opening', () => {
  itInWorld('builds, installs, and says where the preview is', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);

    const namespace = world.namespace(key);
    assert.equal(namespace?.preparedFor?.trust, 'trusted');
    assert.equal(namespace.revision, head.revision);
    assert.deepEqual(
      namespace.helm.map(({ status }) => status),
      ['deployed'],
    );
    const url = `https://${world.name(key)}.preview.test`;
    assert.equal(namespace.deployed?.routes[0]?.url, url);
    assert.match(world.forge.comment(key) ?? '', new RegExp(`Open the preview.*${url}`));
    const [deployment, ...others] = world.forge.deployments(key);
    assert.deepEqual(others, []);
    assert.equal(deployment?.state, 'success');
    assert.equal(deployment.statuses.at(-1)?.environmentUrl, url);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });

  itInWorld('deploys the digest that was built, not a tag', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const ref = world.builder.builds[0]?.ref ?? '';
    const digest = world.builder.images.get(ref)?.digest ?? 'none';
    assert.ok(JSON.stringify(world.releaser.upgrades[0]?.values).includes(digest));
  });

  itInWorld('waits for pods before it says that the preview is ready', async (world) => {
    world.releaser.readyAs({ state: 'progressing', message: '0 of 1 pods are ready' });
    const { key, head } = world.openPullRequest();
    await world.queue.trigger(key);
    await world.until(() => world.namespace(key)?.workloads.state === 'progressing');
    assert.equal(world.namespace(key)?.revision, undefined);
    assert.equal((await world.status(key))?.phase === 'Ready', false);

    world.cluster.setWorkloads(world.name(key), { state: 'ready' });
    await world.queue.idle();
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });

  const shared = closedGate();
  itInWorld(
    'gives each pull request a preview of its own, and builds what they share once',
    async (world) => {
      const first = world.openPullRequest();
      const second = world.openPullRequest();
      await world.queue.trigger(first.key);
      await world.until(() => shared.waiting === 1);
      await world.queue.trigger(second.key);
      await world.until(() => world.namespace(second.key)?.preparedFor !== undefined);
      shared.open();
      await world.queue.idle();

      assert.equal(world.builder.builds.length, 1);
      assert.equal(world.namespace(first.key)?.revision, first.head.revision);
      assert.equal(world.namespace(second.key)?.revision, second.head.revision);
    },
    { replace: buildsBehind(shared) },
  );

  const begun = closedGate();
  itInWorld(
    'goes on with a build that another pull request began and closed',
    async (world) => {
      const first = world.openPullRequest();
      const second = world.openPullRequest();
      await world.queue.trigger(first.key);
      await world.until(() => begun.waiting === 1);
      await world.queue.trigger(second.key);
      await world.until(() => world.namespace(second.key) !== undefined);
      world.close(first.key);
      await world.queue.trigger(first.key);
      await world.until(() => world.namespace(first.key) === undefined);
      begun.open();
      await world.queue.idle();

      assert.equal(world.builder.builds.length, 1);
      assert.equal(world.namespace(second.key)?.revision, second.head.revision);
    },
    { replace: buildsBehind(begun) },
  );

  itInWorld('explains what is wrong with a manifest, and where', async (world) => {
    const { key } = world.openPullRequest({ ...app, '.berth.yaml': 'images:\n  web: { contxt: app }\n' });
    await world.run(key);
    const status = await world.status(key);
    assert.equal(status?.diagnosis?.reason, 'ManifestInvalid');
    assert.equal(status.diagnosis.places?.[0]?.line, 2);
    assert.match(world.forge.comment(key) ?? '', /\.berth\.yaml:2/);
    assert.equal(world.namespace(key), undefined);
  });

  itInWorld('keeps the preview that runs when a push breaks the manifest', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.push(key, { ...app, '.berth.yaml': 'images: 3\n' });
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    const status = await world.status(key);
    assert.equal(status?.phase, 'Failed');
    assert.equal(status.serving, head.revision);
  });

  itInWorld('G5 leaves a namespace alone that is not ours, and says so', async (world) => {
    const { key } = world.openPullRequest();
    world.cluster.addForeign(world.name(key));
    await world.run(key);
    assert.equal((await world.status(key))?.diagnosis?.reason, 'NamespaceTaken');
    world.close(key);
    await world.run(key);
    assert.equal(world.namespace(key)?.terminating, false);
  });
});

describe('pushing', () => {
  itInWorld('brings the preview to the new revision', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const revision = world.push(key, { ...app, 'app.txt': 'second' });
    await world.run(key);

    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal(world.builder.builds.length, 2);
    assert.deepEqual(
      world.namespace(key)?.helm.map(({ status }) => status),
      ['superseded', 'deployed'],
    );
    assert.deepEqual(
      world.forge.deployments(key).map(({ state }) => state),
      ['inactive', 'success'],
    );
    assert.match(world.forge.comment(key) ?? '', new RegExp(revision.slice(0, 7)));
  });

  itInWorld('neither builds nor runs Helm for a push that changes no image, and reports it', async (world) => {
    const { key } = world.openPullRequest(appInFolder);
    await world.run(key);
    const revision = world.push(key, { ...appInFolder, 'README.md': 'second' });
    await world.run(key);

    assert.equal(world.builder.builds.length, 1);
    assert.equal(world.releaser.upgrades.length, 1);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal(world.forge.deployments(key).at(-1)?.revision, revision);
    assert.equal(world.forge.deployments(key).at(-1)?.state, 'success');
  });

  itInWorld('B11 serves the older revision again after a forced push back to it, without a build', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.push(key, { ...app, 'app.txt': 'second' });
    await world.run(key);
    world.forge.people.change(key, { head });
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal(world.builder.builds.length, 2);
    assert.equal(world.forge.deployments(key).find(({ state }) => state === 'success')?.revision, head.revision);
  });

  itInWorld('B2 stays at the newest revision when a trigger comes late', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const revision = world.push(key, { ...app, 'app.txt': 'second' });
    await world.run(key);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal(world.builder.builds.length, 2);
  });

  itInWorld('B9 keeps the same preview when the repository is renamed', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const preview = /\[Open the preview\]\([^)]+\)/;
    const [link = 'none'] = preview.exec(world.forge.comment(key) ?? '') ?? [];
    world.forge.people.renameRepository(world.repository.id, 'store');
    const revision = world.push(key, { ...app, 'app.txt': 'second' });
    await world.run(key);
    assert.equal(world.cluster.world.namespaces.size, 1);
    assert.equal(world.namespace(key)?.revision, revision);
    assert.equal(preview.exec(world.forge.comment(key) ?? '')?.[0], link, 'the URL stays');
    assert.ok(link.includes(String(world.namespace(key)?.name)), 'the URL leads to the namespace that is there');
  });
});

describe('closing', () => {
  itInWorld('removes everything and says so', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.close(key);
    await world.run(key);

    assert.equal(world.cluster.world.namespaces.size, 0);
    assert.match(world.forge.comment(key) ?? '', /removed/);
    assert.deepEqual(
      world.forge.deployments(key).map(({ state }) => state),
      ['inactive'],
    );
    assert.equal((await world.status(key))?.phase, 'Removed');
  });

  itInWorld('B1 writes nothing for a pull request that never had a preview', async (world) => {
    const { key } = world.openPullRequest();
    world.close(key);
    await world.run(key);
    assert.equal(world.forge.writes, 0);
    assert.equal(world.cluster.world.namespaces.size, 0);
    assert.deepEqual(world.source.asked, []);
  });

  itInWorld('B4 leaves no preview after close, reopen and close', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    for (const change of [world.close, world.reopen, world.close]) {
      change(key);
      await world.queue.trigger(key);
    }
    await world.queue.idle();
    assert.equal(world.cluster.world.namespaces.size, 0);
    assert.equal((await world.status(key))?.phase, 'Removed');
  });

  itInWorld('brings the preview back when the pull request is reopened, without a build', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.close(key);
    await world.run(key);
    world.reopen(key);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal(world.builder.builds.length, 1);
    assert.equal(world.forge.deployments(key).at(-1)?.state, 'success');
  });

  itInWorld('G3 waits for the old namespace of a reopened pull request', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    const old = world.namespace(key)?.uid;
    world.cluster.hold(world.name(key), 'finalizer example.test/wait');
    world.close(key);
    await world.queue.trigger(key);
    await world.until(() => world.namespace(key)?.terminating === true);
    world.reopen(key);
    await world.queue.trigger(key);
    await world.until(() => world.forge.comment(key)?.includes('previous namespace') === true);
    assert.equal(world.namespace(key)?.uid, old);

    world.cluster.world.letGo(world.name(key));
    await world.queue.idle();
    assert.notEqual(world.namespace(key)?.uid, old);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  const removalTimeoutMs = 300_000;
  itInWorld(
    'G4 names what holds the removal, leaves it, and sees when it lets go',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      world.cluster.hold(world.name(key), 'Finalizer example.test/wait is still there.');
      world.close(key);
      await world.queue.trigger(key);
      await world.until(() => world.namespace(key)?.terminating === true);
      assert.match(world.forge.comment(key) ?? '', /Open the preview|Removing/);
      await world.clock.advance(removalTimeoutMs);
      await world.queue.idle();
      const status = await world.status(key);
      assert.equal(status?.diagnosis?.reason, 'NamespaceStuck');
      assert.match(world.forge.comment(key) ?? '', /finalizer example\.test\/wait/);
      assert.equal(world.namespace(key)?.terminating, true);
      await world.assertSettled(key);

      world.cluster.world.letGo(world.name(key));
      await world.clock.advance(120_000);
      await world.queue.idle();
      assert.equal((await world.status(key))?.phase, 'Removed');
    },
    { limits: { removalTimeoutMs } },
  );

  const uninstalled: string[] = [];
  itInWorld(
    'lets delete hooks run before the namespace goes',
    async (world) => {
      world.releaser.deleteHooks(true);
      const { key } = world.openPullRequest();
      await world.run(key);
      world.close(key);
      await world.run(key);
      assert.deepEqual(uninstalled, [world.name(key)]);
      assert.equal(world.cluster.world.namespaces.size, 0);
    },
    {
      replace: ({ releaser }) => ({
        releaser: {
          ...releaser,
          async uninstall(name, ...how) {
            uninstalled.push(name);
            return releaser.uninstall(name, ...how);
          },
        },
      }),
    },
  );

  itInWorld(
    'G10 removes the namespace although uninstalling fails',
    async (world) => {
      world.releaser.deleteHooks(true);
      const { key } = world.openPullRequest();
      await world.run(key);
      world.close(key);
      await world.run(key);
      assert.equal(world.cluster.world.namespaces.size, 0);
    },
    {
      replace: ({ releaser }) => ({
        releaser: { ...releaser, uninstall: () => Promise.reject(new Error('hook hangs')) },
      }),
    },
  );

  itInWorld('B10 removes the preview of a pull request that is out of reach', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    world.forge.people.removeRepository(world.repository.id);
    await world.run(key);
    assert.equal(world.cluster.world.namespaces.size, 1);
    await world.clock.advance(120_000);
    await world.queue.idle();
    assert.equal(world.cluster.world.namespaces.size, 0);
    assert.ok(world.failures().every((failure) => failure instanceof RetryLaterError));
  });

  itInWorld('C4 leaves what runs alone while GitHub does not find the pull request for a moment', async (world) => {
    const { key } = world.openPullRequest();
    await world.run(key);
    const uid = world.namespace(key)?.uid;
    for (const forMs of [50_000, 50_000]) {
      world.forge.people.hide(key, true);
      await world.run(key);
      await world.clock.advance(forMs);
      world.forge.people.hide(key, false);
      await world.clock.advance(20_000);
      await world.queue.idle();
    }
    assert.equal(world.namespace(key)?.uid, uid);
    assert.equal((await world.status(key))?.phase, 'Ready');
    assert.ok(world.failures().every((failure) => failure instanceof RetryLaterError));
  });

  itInWorld('C4 makes the preview of a pull request that GitHub finds only later', async (world) => {
    const { key, head } = world.openPullRequest();
    world.forge.people.hide(key, true);
    await world.run(key);
    assert.equal(world.failures().length, 1);
    world.forge.people.hide(key, false);
    await world.clock.advance(20_000);
    await world.queue.idle();
    assert.equal(world.namespace(key)?.revision, head.revision);
  });
});

describe('asking for it', () => {
  itInWorld('removes the preview of a pull request labelled `preview:off`, and brings it back', async (world) => {
    const { key, head } = world.openPullRequest();
    await world.run(key);
    world.label(key, 'preview:off');
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.match(world.forge.comment(key) ?? '', /preview:off/);
    await world.assertSettled(key);
    world.label(key);
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  const labelled = { ...app, '.berth.yaml': 'when: { label: wanted }\n' };
  itInWorld('makes a preview only once the label of the manifest is there, and removes it without', async (world) => {
    const { key, head } = world.openPullRequest(labelled);
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.equal(world.forge.writes, 0);
    world.label(key, 'wanted');
    await world.run(key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    await world.assertSettled(key);
    world.label(key);
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.equal((await world.status(key))?.phase, 'Removed');
  });

  itInWorld('makes a preview only when one of the paths of the manifest is changed', async (world) => {
    const { key } = world.openPullRequest({ ...app, '.berth.yaml': 'when: { paths: ["src/**"] }\n' });
    world.forge.people.changeFiles(key, ['docs/index.md']);
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.deepEqual(world.builder.builds, []);
    world.forge.people.changeFiles(key, ['docs/index.md', 'src/a.ts']);
    await world.run(key);
    assert.equal((await world.status(key))?.phase, 'Ready');
  });
});
