import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, parseDuration } from '../../src/domain/duration.ts';

describe('parseDuration', () => {
  const rows: { text: string; want: number | undefined }[] = [
    { text: '45s', want: 45_000 },
    { text: '30m', want: 1_800_000 },
    { text: '12h', want: 43_200_000 },
    { text: '7d', want: 604_800_000 },
    { text: '0s', want: 0 },
    { text: '999999d', want: 86_399_913_600_000 },
    { text: '', want: undefined },
    { text: '30', want: undefined },
    { text: 'm', want: undefined },
    { text: '1.5h', want: undefined },
    { text: '-1m', want: undefined },
    { text: '1h30m', want: undefined },
    { text: ' 1h', want: undefined },
    { text: '1h\n', want: undefined },
    { text: '1H', want: undefined },
    { text: '1w', want: undefined },
    { text: '1234567s', want: undefined },
  ];
  for (const { text, want } of rows) {
    it(`${JSON.stringify(text)} is ${want === undefined ? 'none' : `${want} ms`}`, () =>
      assert.equal(parseDuration(text), want));
  }
});

describe('formatDuration', () => {
  const rows: { ms: number; want: string }[] = [
    { ms: 600_000, want: '10 minutes' },
    { ms: 60_000, want: '1 minute' },
    { ms: 90_000, want: '90 seconds' },
    { ms: 3_600_000, want: '1 hour' },
    { ms: 5_400_000, want: '90 minutes' },
    { ms: 172_800_000, want: '2 days' },
    { ms: 1_400, want: '1 second' },
    { ms: 15, want: '0 seconds' },
    { ms: 0, want: '0 seconds' },
  ];
  for (const { ms, want } of rows) it(`${ms} ms are ${want}`, () => assert.equal(formatDuration(ms), want));
});
