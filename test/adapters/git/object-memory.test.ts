import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectMemory } from '../../../src/adapters/git/object-memory.ts';

describe('ObjectMemory', () => {
  function memory(maxSize: number) {
    const reads: string[] = [];
    const known = new ObjectMemory<string>(maxSize, (text) => text.length);
    const recall = (key: string, text: string) =>
      known.recall(key, async () => {
        reads.push(key);
        return text;
      });
    return { reads, recall };
  }

  it('reads what it knows only once', async () => {
    const { reads, recall } = memory(1_000);
    assert.equal(await recall('a', 'one'), 'one');
    assert.equal(await recall('a', 'other'), 'one');
    assert.deepEqual(reads, ['a']);
  });

  it('forgets what was asked for longest ago when it is full', async () => {
    const { reads, recall } = memory(80);
    const text = 'x'.repeat(9);
    for (const key of 'abcdefgh') await recall(key, text);
    await recall('a', text);
    await recall('i', text);
    reads.length = 0;
    for (const key of 'achi') await recall(key, text);
    assert.deepEqual(reads, []);
    await recall('b', text);
    assert.deepEqual(reads, ['b']);
  });

  it('does not keep what would drive out much else', async () => {
    const { reads, recall } = memory(80);
    for (let nth = 0; nth < 2; nth += 1) await recall('a', 'x'.repeat(10));
    assert.deepEqual(reads, ['a', 'a']);
  });

  it('keeps nothing of a reading that failed', async () => {
    const known = new ObjectMemory<string>(80, (text) => text.length);
    await assert.rejects(known.recall('a', () => Promise.reject(new Error('broken'))));
    assert.equal(await known.recall('a', async () => 'one'), 'one');
  });
});
