import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, percentile } from '../../bench/statistics.ts';

describe('median', () => {
  const rows: { name: string; values: readonly number[]; want: number }[] = [
    { name: 'the middle of an odd number of values, whatever their order', values: [9, 1, 5], want: 5 },
    { name: 'the mean of the two in the middle', values: [4, 1, 2, 100], want: 3 },
    { name: 'compares numbers as numbers', values: [10, 9, 100], want: 10 },
    { name: 'a single value', values: [7], want: 7 },
    { name: 'nothing', values: [], want: Number.NaN },
  ];
  for (const { name, values, want } of rows) {
    it(name, () => assert.equal(median(values), want));
  }
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  const rows: { name: string; values: readonly number[]; percent: number; want: number }[] = [
    { name: 'the nearest rank', values: hundred, percent: 99, want: 99 },
    { name: 'rounds the rank up', values: [1, 2, 3], percent: 50, want: 2 },
    { name: 'the largest', values: hundred, percent: 100, want: 100 },
    { name: 'the smallest', values: hundred, percent: 0, want: 1 },
    { name: 'nothing', values: [], percent: 99, want: Number.NaN },
  ];
  for (const { name, values, percent, want } of rows) {
    it(name, () => assert.equal(percentile(values, percent), want));
  }
});
