import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isRecentHelm, isRecentKubectl } from '../../deploy/local/tools.ts';

describe('isRecentHelm', () => {
  const rows = [
    { output: 'v4.1.4', want: true },
    { output: 'v4.1.3', want: false },
    { output: 'v4.2.4+g1234567\n', want: true },
    { output: 'v3.21.4', want: false },
    { output: 'v4.2.0-rc.1', want: false },
    { output: 'WARNING: no version', want: false },
  ];
  for (const { output, want } of rows) {
    it(`${want ? 'takes' : 'refuses'} ${output.trim()}`, () => assert.equal(isRecentHelm(output), want));
  }
});

describe('isRecentKubectl', () => {
  const rows = [
    { gitVersion: 'v1.30.0', want: true },
    { gitVersion: 'v1.29.14', want: false },
    { gitVersion: 'v1.32.4-dispatcher', want: false },
    { gitVersion: 'v1.31.2+k3s1', want: true },
  ];
  for (const { gitVersion, want } of rows) {
    it(`${want ? 'takes' : 'refuses'} ${gitVersion}`, () => {
      const output = JSON.stringify({ clientVersion: { gitVersion }, kustomizeVersion: 'v5.5.0' });
      assert.equal(isRecentKubectl(output), want);
    });
  }
});
