import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSameQuantity, parseQuantity } from '../../src/domain/quantity.ts';

describe('isSameQuantity', () => {
  const same = [
    ['0.5', '500m'],
    ['1000m', '1'],
    ['8Gi', '8589934592'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1e3', '1k'],
    ['2E2', '200'],
    ['0', '0m'],
  ] as const;
  for (const [one, other] of same) {
    it(`knows that ${one} is ${other}`, () => assert(isSameQuantity(one, other)));
  }

  it('tells amounts apart, and words from amounts', () => {
    assert(!isSameQuantity('8Gi', '8G'));
    assert(!isSameQuantity('1', '1001m'));
    assert(!isSameQuantity('a', 'b'));
    assert(isSameQuantity('a', 'a'));
  });
});

describe('parseQuantity', () => {
  for (const text of ['', '-1', '1 Gi', '1gi', 'Gi', '1.', '.5', '1e', '1Gi2', '9'.repeat(30)]) {
    it(`takes "${text}" for no amount`, () => assert.equal(parseQuantity(text), undefined));
  }
});
