import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createEtagCache } from '../../../src/adapters/github/etag-cache.ts';

const answer = (etag: string) => ({ etag, value: etag, hasNext: false, lastPage: undefined });

it('the cache of answers keeps those that were used last', () => {
  const cache = createEtagCache(2);
  cache.set('a', answer('a1'));
  cache.set('b', answer('b1'));
  cache.get('a');
  cache.set('c', answer('c1'));
  cache.set('a', answer('a2'));
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.get(key)?.etag),
    ['a2', undefined, 'c1'],
  );
});
