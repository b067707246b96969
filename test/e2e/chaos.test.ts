import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runSeed } from '../chaos/run-seed.ts';
import { scheduleOf } from '../chaos/schedule.ts';

/** Two of those that `npm run test:chaos` runs by the dozen. */
const seeds = [4, 5];

describe('a random schedule of people and faults against two live Berths, then quiet', () => {
  for (const seed of seeds) {
    it(`leaves every preview as its pull request asks, and nothing else: seed ${seed}`, async ({ signal }) => {
      const { failure, story } = await runSeed(seed, signal);
      assert.equal(failure, undefined, `${story}\n${failure}\nagain with: npm run test:chaos -- ${seed}`);
    });
  }

  it('is the same for the same seed', () => {
    assert.deepEqual(scheduleOf(7), scheduleOf(7));
    assert.notDeepEqual(scheduleOf(7).moments, scheduleOf(8).moments);
  });
});
