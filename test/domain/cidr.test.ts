import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr } from '../../src/domain/cidr.ts';

describe('parseCidr', () => {
  it('reads ranges of both versions', () => {
    assert.deepEqual(parseCidr('10.0.0.0/8'), { version: 4, prefix: 8 });
    assert.deepEqual(parseCidr('fc00::/7'), { version: 6, prefix: 7 });
  });
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    'fe80::%eth0/10',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::ffff:0:0/96',
  ]) {
    it(`takes "${text}" for none`, () => assert.equal(parseCidr(text), undefined));
  }
});
