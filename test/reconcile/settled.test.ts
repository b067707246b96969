import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isSettledAs,
  isSettledAsClosed,
  isSettledIn,
  settledTtlMs,
  settledValue,
} from '../../src/reconcile/settled.ts';
import { fakeForge } from '../fakes/forge.ts';

const forge = fakeForge();
const repository = forge.people.addRepository('acme', 'shop');
const open = forge.people.openPullRequest(repository.id, { labels: ['a b', 'none closed c'] });
const closed = { ...open, state: 'closed' as const };
const hourMs = 3_600_000;

describe('settledTtlMs', () => {
  it('spreads those that settled at once evenly over the second half of the interval', () => {
    const spread = Array.from({ length: 10 }, () => 0);
    for (let number = 1; number <= 1_000; number += 1) {
      const share = settledTtlMs({ repositoryId: 123_456_789, number }, open, hourMs) / hourMs;
      assert.ok(share >= 0.5 && share < 1, `${number}: ${share}`);
      const tenth = Math.floor((share - 0.5) * 20);
      spread[tenth] = (spread[tenth] ?? 0) + 1;
    }
    assert.ok(
      spread.every((count) => count > 90 && count < 110),
      `in each tenth: ${spread.join(', ')}`,
    );
  });

  it('believes a closed one for longer than the lists of closed ones go back', () => {
    assert.ok(settledTtlMs(open.key, closed, hourMs) > 7 * 86_400_000);
  });
});

describe('what was settled', () => {
  const rows = [
    { name: 'open, served', value: settledValue(open, 'uid-1'), as: true, in: true, any: true, closed: false },
    { name: 'open, not served', value: settledValue(open, undefined), as: false, in: false, any: true, closed: false },
    { name: 'closed', value: settledValue(closed, undefined), as: false, in: false, any: false, closed: true },
    {
      name: 'closed, still there',
      value: settledValue(closed, 'uid-1'),
      as: false,
      in: true,
      any: false,
      closed: false,
    },
    {
      name: 'unknown to GitHub',
      value: settledValue(undefined, undefined),
      as: false,
      in: false,
      any: false,
      closed: false,
    },
    { name: 'nothing', value: undefined, as: false, in: false, any: false, closed: false },
    { name: 'nonsense', value: 'none', as: false, in: false, any: false, closed: false },
  ];
  for (const row of rows) {
    it(row.name, () => {
      assert.equal(isSettledAs(row.value, open, 'uid-1'), row.as);
      assert.equal(isSettledAs(row.value, open, 'any'), row.any);
      assert.equal(isSettledIn(row.value, 'uid-1'), row.in);
      assert.equal(isSettledAsClosed(row.value), row.closed);
    });
  }
});
