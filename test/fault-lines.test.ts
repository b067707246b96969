import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultNumbers, faultReport } from './fault-lines.ts';

describe('faultNumbers', () => {
  it('finds the numbers a name begins with, and nothing else', () => {
    assert.deepEqual(faultNumbers('A1 one byte flipped'), ['A1']);
    assert.deepEqual(faultNumbers('F1 G1 the worker killed'), ['F1', 'G1']);
    assert.deepEqual(faultNumbers('keeps A1 to itself'), []);
    assert.deepEqual(faultNumbers('A15 no such line'), []);
  });
});

describe('faultReport', () => {
  it('has a row for every line, and says which has no test or a failing one', () => {
    const report = faultReport([
      { name: 'A1 flipped', passed: true },
      { name: 'A2 missing', passed: true },
      { name: 'A2 malformed', passed: false },
    ]).split('\n');
    assert.equal(report.length, 75);
    assert.equal(report[0], '✔ A1    1  flipped');
    assert.equal(report[1], '✖ A2    2  malformed');
    assert.equal(report[2], '· A3    0  no test');
  });
});
