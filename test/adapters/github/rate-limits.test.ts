import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRateLimits, type Refusal } from '../../../src/adapters/github/rate-limits.ts';
import { fakeClock } from '../../fakes/clock.ts';

describe('rate limits', () => {
  const clock = fakeClock();
  const nowSeconds = clock.now() / 1_000;
  const secondary = { message: 'You have exceeded a secondary rate limit.' };
  const rows: readonly {
    readonly name: string;
    readonly answer: Partial<Refusal>;
    readonly waitMs: number | undefined;
  }[] = [
    {
      name: 'retry-after comes first',
      answer: {
        headers: { 'retry-after': '30', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(nowSeconds + 900) },
      },
      waitMs: 30_000,
    },
    {
      name: 'then the reset',
      answer: { headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(nowSeconds + 900) } },
      waitMs: 901_000,
    },
    {
      name: "C8 the reset is by GitHub's clock",
      answer: {
        headers: {
          date: new Date(clock.now() + 600_000).toUTCString(),
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(nowSeconds + 900),
        },
      },
      waitMs: 301_000,
    },
    {
      name: 'a reset that has passed is now',
      answer: { headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(nowSeconds - 5) } },
      waitMs: 1_000,
    },
    {
      name: 'nothing remaining and no reset: a minute',
      answer: { headers: { 'x-ratelimit-remaining': '0' } },
      waitMs: 61_000,
    },
    { name: 'a secondary limit without headers: a minute', answer: { body: secondary }, waitMs: 60_000 },
    { name: '429 without anything: a minute', answer: { status: 429 }, waitMs: 60_000 },
    {
      name: 'a missing permission is none',
      answer: {
        headers: { 'x-ratelimit-remaining': '4999' },
        body: { message: 'Resource not accessible by integration' },
      },
      waitMs: undefined,
    },
    { name: 'an outage is none', answer: { status: 502, headers: { 'retry-after': '5' } }, waitMs: undefined },
  ];
  for (const { name, answer, waitMs } of rows) {
    it(name, () => {
      const error = createRateLimits(clock).limited('a', { status: 403, headers: {}, body: {}, ...answer });
      assert.equal(error && error.retryAt - clock.now(), waitMs);
    });
  }

  it('requests under way together are one strike, and the longest wait is a quarter of an hour', async () => {
    const limits = createRateLimits(clock);
    const strike = () =>
      (limits.limited('a', { status: 403, headers: {}, body: secondary })?.retryAt ?? 0) - clock.now();
    assert.equal(strike(), 60_000);
    await clock.advance(60_000);
    const waits: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      waits.push(strike());
      await clock.advance(waits.at(-1) ?? 0);
    }
    assert.deepEqual(waits, [120_000, 240_000, 480_000, 900_000, 900_000]);
  });
});
