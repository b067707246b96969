import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apart } from './apart.ts';

const seeds = 2_000;
const perTest = 250;

describe('random schedules of people and faults, then quiet', () => {
  const inThread = apart();

  for (let first = 1; first <= seeds; first += perTest) {
    const last = first + perTest - 1;
    it(`leave every preview as its pull request asks, seeds ${first} to ${last}`, async () => {
      const failed = await inThread('firstFailure', first, last);
      if (!failed) return;
      const how = `seed ${failed.seed}, again with: node test/faults/replay.ts ${failed.seed}`;
      throw new Error([how, ...failed.trace, failed.failure?.message].join('\n'), { cause: failed.failure });
    });
  }

  it('are the same for the same seed', async () => {
    for (const seed of [3, 11, 42]) {
      const [once, again] = [await inThread('runSchedule', seed), await inThread('runSchedule', seed)];
      assert.ok(once.trace.length > 5);
      assert.deepEqual(again, once);
    }
  });
});
