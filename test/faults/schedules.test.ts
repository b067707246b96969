import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runSchedule } from './schedule.ts';

const seeds = 2_000;
const perTest = 250;

describe('random schedules of people and faults, then quiet', () => {
  for (let first = 1; first <= seeds; first += perTest) {
    const last = first + perTest - 1;
    it(`leave every preview as its pull request asks, seeds ${first} to ${last}`, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const { trace, failure } = await runSchedule(seed);
        if (failure) {
          const how = `seed ${seed}, again with: node test/faults/replay.ts ${seed}`;
          throw new Error([how, ...trace, failure.message].join('\n'), { cause: failure });
        }
      }
    });
  }

  it('are the same for the same seed', async () => {
    for (const seed of [3, 11, 42]) {
      const [once, again] = [await runSchedule(seed), await runSchedule(seed)];
      assert.ok(once.trace.length > 5);
      assert.deepEqual(again, once);
    }
  });
});
