import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Releaser, ReleaseRequest } from '../../src/ports.ts';
import { limitedReleaser } from '../../src/reconcile/limited-releaser.ts';

const { signal } = new AbortController();

function requestFor(namespace: string): ReleaseRequest {
  const chart = { kind: 'built-in' } as const;
  const [valuesTexts, values, hosts, trust] = [[], {}, [], 'trusted'] as const;
  return { namespace, chart, chartPath: undefined, valuesTexts, values, hosts, trust, isUpgrade: false };
}

describe('limitedReleaser', () => {
  /** Upgrades that have begun, in order, and how to end them. */
  let begun: string[];
  let ends: Map<string, { resolve(): void; reject(error: Error): void }>;
  let releaser: Releaser;

  const upgrade = (name: string, itsSignal = signal) => releaser.upgrade(requestFor(name), itsSignal);

  beforeEach(() => {
    begun = [];
    ends = new Map();
    releaser = limitedReleaser(2, {
      async upgrade({ namespace }, itsSignal) {
        itsSignal.throwIfAborted();
        begun.push(namespace);
        await new Promise<void>((resolve, reject) => ends.set(namespace, { resolve, reject }));
        return { version: 1, hasDeleteHooks: false };
      },
      unlock: () => Promise.resolve(),
      uninstall: () => Promise.resolve(),
    });
  });

  async function end(name: string): Promise<void> {
    ends.get(name)?.resolve();
    await setImmediate();
  }

  it('runs so many at once and the others in the order they came', async () => {
    const all = Promise.all(['a', 'b', 'c', 'd'].map((name) => upgrade(name)));
    await setImmediate();
    assert.deepEqual(begun, ['a', 'b']);
    await end('b');
    assert.deepEqual(begun, ['a', 'b', 'c']);
    await end('a');
    assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
    await end('c');
    await end('d');
    await all;
  });

  it('D7 asks one that had to wait whether it still may, and hands its place on when not', async () => {
    const refuse = () => Promise.reject(new Error('it may not run any more'));
    const first = Promise.all([
      releaser.upgrade({ ...requestFor('a'), confirm: refuse }, signal),
      releaser.upgrade({ ...requestFor('b'), confirm: refuse }, signal),
    ]);
    const refused = assert.rejects(releaser.upgrade({ ...requestFor('c'), confirm: refuse }, signal), /may not run/);
    const last = releaser.upgrade({ ...requestFor('d'), confirm: () => Promise.resolve() }, signal);
    await setImmediate();
    await end('a');
    await refused;
    await setImmediate();
    assert.deepEqual(begun, ['a', 'b', 'd']);
    await end('b');
    await end('d');
    await Promise.all([first, last]);
  });

  it('hands the place of one that failed on', async () => {
    const failing = assert.rejects(upgrade('a'), /helm failed/);
    const others = Promise.all([upgrade('b'), upgrade('c')]);
    await setImmediate();
    ends.get('a')?.reject(new Error('helm failed'));
    await failing;
    await setImmediate();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    await end('b');
    await end('c');
    await others;
  });

  it('lets one leave that is aborted while it waits, and keeps its place for nobody', async () => {
    const leaving = new AbortController();
    const others = [upgrade('a'), upgrade('b')];
    const left = assert.rejects(upgrade('c', leaving.signal), /superseded/);
    others.push(upgrade('d'));
    leaving.abort(new Error('superseded'));
    await left;
    await end('a');
    assert.deepEqual(begun, ['a', 'b', 'd']);
    others.push(upgrade('e'));
    await end('b');
    assert.deepEqual(begun, ['a', 'b', 'd', 'e']);
    await end('d');
    await end('e');
    await Promise.all(others);
  });

  it('loses no place to one that is aborted just as its turn comes', async () => {
    const leaving = new AbortController();
    const others = [upgrade('a'), upgrade('b')];
    const left = assert.rejects(upgrade('c', leaving.signal), /superseded/);
    others.push(upgrade('d'));
    await setImmediate();
    ends.get('a')?.resolve();
    await others[0];
    leaving.abort(new Error('superseded'));
    await left;
    await setImmediate();
    assert.deepEqual(
      begun.filter((name) => name !== 'c'),
      ['a', 'b', 'd'],
    );
    await end('b');
    await end('d');
    await Promise.all(others);
  });

  it('refuses at once what is aborted already', async () => {
    await assert.rejects(upgrade('a', AbortSignal.abort(new Error('superseded'))), /superseded/);
    assert.deepEqual(begun, []);
  });
});
