import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { RegistryCannotListError } from '../../src/domain/errors.ts';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { Builder, BuildJob } from '../../src/ports.ts';
import { removeUnusedImages, unusedImagesEveryMs } from '../../src/reconcile/unused-images.ts';
import { fakeBuilder } from '../fakes/builder.ts';
import { fakeClock } from '../fakes/clock.ts';
import { fakeCluster } from '../fakes/cluster.ts';
import { fakeQueue } from '../fakes/queue.ts';
import { fakeStore } from '../fakes/store.ts';
import { fakeTelemetry } from '../fakes/telemetry.ts';
import { app, itInWorld } from './world.ts';

const { signal } = new AbortController();
const registry = 'registry.test/previews';
const dayMs = 24 * 60 * 60 * 1000;
const retentionMs = 7 * dayMs;
const key: PreviewKey = { repositoryId: 1, number: 1 };
const refOf = (letter: string) => `${registry}/acme/shop/web:c-${letter.repeat(32)}`;
const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;

function stage(change: Partial<Builder> = {}) {
  const clock = fakeClock();
  const builder = fakeBuilder();
  const lines: Record<string, unknown>[] = [];
  const ports = {
    clock,
    builder: { ...builder, ...change },
    cluster: fakeCluster(),
    queue: fakeQueue(clock),
    store: fakeStore(clock),
    telemetry: fakeTelemetry(),
    log: pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
  };
  const look = (store = ports.store) => removeUnusedImages({ ...ports, store }, { registry, retentionMs }, signal);
  return {
    ...ports,
    images: builder.images,
    lines,
    look,
    add(letter: string) {
      builder.images.set(refOf(letter), {
        digest: digestOf(letter),
        labels: { 'dev.berth.instance': 'berth' },
        env: [],
      });
    },
    /** Makes the preview one that is served from these images. */
    async serve(...letters: readonly string[]) {
      const { world } = ports.cluster;
      const { name, uid, fence: number } = world.namespaces.get('pr-1') ?? world.add('pr-1', key);
      const outcome = { state: 'deployed', routes: [], hasDeleteHooks: false, images: letters.map(digestOf) } as const;
      await ports.cluster.recordRelease(
        { name, uid, number },
        { version: 1, planDigest: 'p', revision: 'r', outcome },
        signal,
      );
    },
    /** Looks as often as Berth does. */
    async lookFor(ms: number, everyMs = unusedImagesEveryMs) {
      for (let passed = 0; passed < ms; passed += everyMs) {
        await clock.advance(everyMs);
        await look();
      }
    },
    has: (letter: string) => builder.images.has(refOf(letter)),
  };
}

function jobFor(ref: string): BuildJob {
  const repository = { id: 1, owner: 'acme', name: 'shop', cloneUrl: 'https://git.test/acme/shop.git' };
  const build = { context: '', dockerfile: 'Dockerfile', target: undefined, args: {} };
  const key = { repositoryId: 1, number: 1 };
  return { key, ref, name: 'web', repository, revision: 'a'.repeat(40), trust: 'trusted', build };
}

describe('removeUnusedImages', () => {
  it('removes what was unused for the whole time, and not before; what is used stays', async () => {
    const it = stage();
    it.add('a');
    it.add('b');
    await it.serve('b');
    await it.look();
    await it.lookFor(retentionMs - unusedImagesEveryMs);
    assert.ok(it.has('a'));
    await it.lookFor(unusedImagesEveryMs);
    assert.ok(!it.has('a'));
    assert.equal(it.telemetry.reclaims.get('image'), 1);
    const line = it.lines.find(({ msg }) => msg === 'unused image removed');
    assert.deepEqual([line?.['ref'], line?.['digest'], line?.['unusedMs']], [refOf('a'), digestOf('a'), retentionMs]);
    await it.lookFor(2 * retentionMs);
    assert.ok(it.has('b'));
    assert.equal(it.telemetry.reclaims.get('image'), 1);
  });

  it('begins anew when the image was used in between', async () => {
    const it = stage();
    it.add('a');
    await it.lookFor(6 * dayMs);
    await it.serve('a');
    await it.look();
    await it.serve('b');
    await it.lookFor(6 * dayMs);
    assert.ok(it.has('a'));
    await it.lookFor(dayMs + unusedImagesEveryMs);
    assert.ok(!it.has('a'));
  });

  it('begins anew when Redis was emptied, and when nobody has looked for a day', async () => {
    const it = stage();
    it.add('a');
    await it.lookFor(6 * dayMs);
    const emptied = fakeStore(it.clock);
    await it.clock.advance(2 * dayMs);
    await it.look(emptied);
    assert.ok(it.has('a'));
    // The first store has forgotten as well by now: two days are a break.
    await it.look();
    assert.ok(it.has('a'));
    await it.lookFor(retentionMs);
    assert.ok(!it.has('a'));
  });

  it('keeps an image that somebody waits for a build of', async () => {
    const it = stage();
    it.add('a');
    await it.queue.startBuilds(key, [jobFor(refOf('a'))]);
    await it.look();
    await it.lookFor(2 * retentionMs);
    assert.ok(it.has('a'));
    await it.queue.cancelBuilds(key, []);
    await it.lookFor(retentionMs + unusedImagesEveryMs);
    assert.ok(!it.has('a'));
  });

  it('looks once more before it removes', async () => {
    const it = stage();
    it.add('a');
    await it.lookFor(retentionMs);
    const previews = it.cluster.previews.bind(it.cluster);
    let looks = 0;
    it.cluster.previews = async (...args) => {
      // Deployed just after the list was read.
      if ((looks += 1) === 2) await it.serve('a');
      return previews(...args);
    };
    await it.lookFor(unusedImagesEveryMs);
    assert.equal(looks, 2);
    assert.ok(it.has('a'));
    await it.serve('b');
    await it.lookFor(retentionMs);
    assert.ok(it.has('a'), 'it was used meanwhile');
  });

  it('looks once more whether somebody waits for its build', async () => {
    const it = stage();
    it.add('a');
    await it.look();
    await it.lookFor(retentionMs - unusedImagesEveryMs);
    const builds = it.queue.builds.bind(it.queue);
    let looks = 0;
    it.queue.builds = async (refs) => {
      if ((looks += 1) === 2) await it.queue.startBuilds(key, [jobFor(refOf('a'))]);
      return builds(refs);
    };
    await it.lookFor(unusedImagesEveryMs);
    assert.equal(looks, 2);
    assert.ok(it.has('a'));
  });

  it('removes nothing when a list breaks off', async () => {
    const it = stage({
      async *storedImages() {
        yield { ref: refOf('a'), digest: digestOf('a') };
        if (isBroken) throw new Error('connection reset');
      },
    });
    let isBroken = false;
    it.add('a');
    await it.lookFor(retentionMs);
    isBroken = true;
    await it.clock.advance(unusedImagesEveryMs);
    await assert.rejects(it.look(), { message: 'connection reset' });
    assert.ok(it.has('a'));
    isBroken = false;
    const previews = it.cluster.previews.bind(it.cluster);
    it.cluster.previews = () => Promise.reject(new Error('the API server does not answer'));
    await assert.rejects(it.look(), { message: 'the API server does not answer' });
    assert.ok(it.has('a'));
    it.cluster.previews = previews;
    await it.look();
    assert.ok(!it.has('a'));
  });

  it('begins anew for what one list leaves out', async () => {
    let isShort = false;
    const listing = fakeBuilder();
    const it = stage({
      async *storedImages(...args) {
        if (!isShort) yield* listing.storedImages(...args);
      },
    });
    listing.images.set(refOf('a'), { digest: digestOf('a'), labels: { 'dev.berth.instance': 'berth' }, env: [] });
    it.add('a');
    await it.lookFor(6 * dayMs);
    isShort = true;
    await it.look();
    isShort = false;
    await it.lookFor(6 * dayMs);
    assert.ok(it.has('a'));
  });

  it('says once what to do about a registry that does not list', async () => {
    const it = stage({
      // oxlint-disable-next-line require-yield
      async *storedImages() {
        throw new RegistryCannotListError('registry.test does not list its repositories');
      },
    });
    await it.lookFor(dayMs);
    const told = it.lines.filter(({ msg }) => msg === 'registry cannot list its images');
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.['remedy']), /retention policy/);
  });

  it('goes on after an image that cannot be removed, and tells', async () => {
    const builder = fakeBuilder();
    const it = stage({
      removeImage(image, itsSignal) {
        if (image.ref === refOf('a')) return Promise.reject(new Error('HTTP 500'));
        return builder.removeImage(image, itsSignal);
      },
    });
    for (const letter of ['a', 'b']) it.add(letter);
    builder.images.set(refOf('b'), { digest: digestOf('b'), labels: {}, env: [] });
    await it.lookFor(retentionMs);
    await it.clock.advance(unusedImagesEveryMs);
    await assert.rejects(it.look(), { message: 'HTTP 500' });
    assert.ok(!builder.images.has(refOf('b')));
    assert.equal(it.telemetry.reclaims.get('image'), 1);
  });

  it('empties no registry at once', async () => {
    const it = stage();
    for (let number = 0; number < 250; number += 1) {
      const digest = `sha256:${String(number).padStart(64, '0')}`;
      const ref = `${registry}/acme/shop/web:c-${String(number).padStart(32, '0')}`;
      it.images.set(ref, { digest, labels: { 'dev.berth.instance': 'berth' }, env: [] });
    }
    await it.look();
    await it.lookFor(retentionMs, dayMs / 2);
    assert.equal(it.images.size, 150);
    for (const left of [50, 0, 0]) {
      await it.lookFor(unusedImagesEveryMs);
      assert.equal(it.images.size, left);
    }
  });
});

describe('a removed image', () => {
  itInWorld('is built again by the next look of a preview that wants it', async (world) => {
    const { key, head } = world.openPullRequest(app);
    await world.run(key);
    const [ref] = world.builder.builds.map((build) => build.ref);
    const { images = [] } = (await world.cluster.previews(signal))[0] ?? {};
    assert.deepEqual(images, [await world.builder.digestOf(ref ?? '', signal)]);
    await world.builder.removeImage({ ref: ref ?? '', digest: images[0] ?? '' }, signal);
    await world.run(key);
    assert.equal(world.builder.builds.length, 2);
    assert.notEqual(await world.builder.digestOf(ref ?? '', signal), undefined);
    assert.equal((await world.status(key))?.phase, 'Ready');
    assert.equal(world.namespace(key)?.revision, head.revision);
  });
});
