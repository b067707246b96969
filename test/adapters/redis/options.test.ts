import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultQueueOptions, retryDelayMs } from '../../../src/adapters/redis/options.ts';

describe('retryDelayMs', () => {
  const { firstRetryMs } = defaultQueueOptions;

  it('doubles from 5 ms up to 15 minutes', () => {
    const delays = Array.from({ length: 20 }, (_, index) => retryDelayMs(index + 1, firstRetryMs, 0));
    assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40]);
    assert.equal(delays[17], 5 * 2 ** 17);
    assert.deepEqual(delays.slice(18), [900_000, 900_000]);
    assert.equal(retryDelayMs(100_000, firstRetryMs, 0), 900_000);
  });

  it('takes up to a fifth away by chance', () => {
    assert.equal(retryDelayMs(1, firstRetryMs, 1), 4);
    assert.equal(retryDelayMs(30, firstRetryMs, 0.5), 810_000);
  });
});
