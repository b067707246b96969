import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Status } from '../../src/domain/status.ts';
import type { Store } from '../../src/ports.ts';

export interface StoreSubject {
  readonly store: Store;
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

const key = { repositoryId: 7, number: 42 };

const ready: Status = {
  key,
  phase: 'Ready',
  revision: 'a'.repeat(40),
  serving: 'a'.repeat(40),
  urls: [{ name: 'web', url: 'https://pr-42.preview.test' }],
  images: [{ name: 'web', state: 'built' }],
  message: 'Ready.',
  diagnosis: undefined,
  pullRequest: { url: 'https://github.test/acme/shop/pull/42', title: 'Add a cart', repository: 'acme/shop' },
};

const failed: Status = {
  ...ready,
  phase: 'Failed',
  revision: undefined,
  serving: undefined,
  diagnosis: {
    reason: 'ManifestInvalid',
    message: 'Unknown key.',
    log: ['one', 'two'],
    places: [{ path: '.berth.yaml', line: 1, column: 2, message: 'unknown' }],
  },
};

export function describeStoreContract(name: string, makeSubject: () => Promise<StoreSubject>): void {
  describe(`Store contract: ${name}`, { timeout: 60_000 }, () => {
    let subject: StoreSubject;
    let store: Store;
    beforeEach(async () => {
      subject = await makeSubject();
      store = subject.store;
    });
    afterEach(() => subject.close());

    it('gives back the last status under its name', async () => {
      assert.equal(await store.status('pr-42-shop-abc'), undefined);
      await store.saveStatus(key, 'pr-42-shop-abc', ready);
      assert.deepEqual(await store.status('pr-42-shop-abc'), ready);
      await store.saveStatus(key, 'pr-42-shop-abc', failed);
      assert.deepEqual(await store.status('pr-42-shop-abc'), failed);
      assert.equal(await store.status('pr-43-shop-abc'), undefined);
    });

    it('keeps the lines of a log in order', async () => {
      assert.deepEqual(await store.log('r/web:1'), []);
      await store.appendLog('r/web:1', ['one', '']);
      await store.appendLog('r/web:1', []);
      await store.appendLog('r/web:1', ['drei €']);
      await store.appendLog('r/web:2', ['other']);
      assert.deepEqual(await store.log('r/web:1'), ['one', '', 'drei €']);
    });

    it('keeps the last 2,000 lines of a log', async () => {
      const lines = Array.from({ length: 2_500 }, (_, index) => `line ${index}`);
      await store.appendLog('r/web:1', lines.slice(0, 1_800));
      await store.appendLog('r/web:1', lines.slice(1_800));
      assert.deepEqual(await store.log('r/web:1'), lines.slice(-2_000));
    });

    it('keeps the last 512 KiB of a log', async () => {
      const lines = Array.from({ length: 1_000 }, (_, index) => `${index}`.padEnd(1_024, '.'));
      for (let first = 0; first < lines.length; first += 100) {
        await store.appendLog('r/web:1', lines.slice(first, first + 100));
      }
      assert.deepEqual(await store.log('r/web:1'), lines.slice(-512));
    });

    it('keeps a cached value for its time', async () => {
      assert.equal(await store.get('etag:1'), undefined);
      await store.set('etag:1', 'first', 60_000);
      await store.set('etag:1', 'second', 400);
      await store.set('etag:2', '', 60_000);
      assert.equal(await store.get('etag:1'), 'second');
      assert.equal(await store.get('etag:2'), '');
      await subject.elapse(400);
      assert.equal(await store.get('etag:1'), undefined);
    });

    it('forgets a cached value', async () => {
      await store.set('etag:1', 'value', 60_000);
      await store.forget('etag:1');
      await store.forget('etag:1');
      assert.equal(await store.get('etag:1'), undefined);
    });

    it('gives a claim to one at a time', async () => {
      const first = await store.claim('sweep', 60_000);
      assert.ok(first);
      assert.equal(await store.claim('sweep', 60_000), undefined);
      assert.ok(await store.claim('another', 60_000));
      assert.equal(await first.renew(), true);
      await first.release();
      assert.equal(await first.renew(), false);
      const second = await store.claim('sweep', 60_000);
      assert.ok(second);
      await first.release();
      assert.equal(await second.renew(), true);
    });

    it('gives a claim to the next one when its time is over', async () => {
      const first = await store.claim('sweep', 400);
      await subject.elapse(400);
      assert.ok(await store.claim('sweep', 60_000));
      assert.equal(await first?.renew(), false);
      await first?.release();
      assert.equal(await store.claim('sweep', 60_000), undefined);
    });
  });
}
