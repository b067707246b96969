import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  frontendOf,
  hasFrom,
  instructionsOf,
  isDockersFrontend,
  stagesOf,
} from '../../../src/adapters/buildx/dockerfile.ts';

describe('instructionsOf', () => {
  it('joins continued lines, and skips comments and empty lines between them', () => {
    const text = '# comment\n\nfrom busybox AS a\r\nRUN one && \\\n  # why\n\n  two && \\  \n  three\nCMD ["x"]';
    assert.deepEqual(instructionsOf(text), [
      { keyword: 'FROM', rest: 'busybox AS a', line: 3 },
      { keyword: 'RUN', rest: 'one && two && three', line: 4 },
      { keyword: 'CMD', rest: '["x"]', line: 9 },
    ]);
  });
});

describe('stagesOf', () => {
  it('knows stages by name in any case and by number', () => {
    const text = 'FROM a AS Builder\nFROM b\nFROM --platform=linux/amd64 c as runtime';
    assert.deepEqual(stagesOf(instructionsOf(text)), ['0', 'builder', '1', '1', '2', 'runtime']);
  });
});

describe('hasFrom', () => {
  const rows = [
    { text: 'FROM scratch', want: true },
    { text: 'ARG A=1\nFROM $A', want: true },
    { text: '', want: false },
    { text: '# FROM scratch', want: false },
    { text: 'ARG A=1', want: false },
    { text: 'ARG A=1 \\\nFROM scratch', want: false },
    { text: 'ARG A=1 \\ \n\n# comment\nFROM scratch', want: false },
    // What continues a line may be changed by a directive; it is not read, so that nobody can play with it.
    { text: '# escape=`\nARG A=1 `\nFROM scratch', want: false },
    { text: 'ARG A=1\n# escape=`\nARG B=1 \\\nFROM scratch', want: false },
  ];
  for (const { text, want } of rows) it(`${JSON.stringify(text)}: ${want}`, () => assert.equal(hasFrom(text), want));
});

describe('frontendOf', () => {
  const rows = [
    { text: 'FROM scratch', want: undefined },
    { text: '# syntax=docker/dockerfile:1\nFROM scratch', want: 'docker/dockerfile:1' },
    { text: '#syntax = evil/frontend\nFROM scratch', want: 'evil/frontend' },
    { text: '\uFEFF# Syntax=evil', want: 'evil' },
    { text: '#!/usr/bin/env x\n\n// syntax=evil\n', want: 'evil' },
    { text: '# comment\n# syntax=evil\nFROM scratch', want: 'evil' },
    { text: '{"syntax": "evil"}', want: 'evil' },
    { text: 'FROM scratch\n# syntax=evil', want: undefined },
    { text: 'FROM scratch\nCOPY <<EOF /x.proto\nsyntax = "proto3";\nEOF', want: undefined },
  ];
  for (const { text, want } of rows) it(`${JSON.stringify(text)}: ${want}`, () => assert.equal(frontendOf(text), want));
});

describe('isDockersFrontend', () => {
  for (const image of ['docker/dockerfile', 'docker/dockerfile:1.7-labs', 'docker.io/docker/dockerfile:1']) {
    it(`trusts ${image}`, () => assert.equal(isDockersFrontend(image), true));
  }
  for (const image of [
    'evil/dockerfile',
    'evil.example/docker/dockerfile',
    'docker/dockerfile/evil',
    'docker/dockerfile@x',
  ]) {
    it(`does not trust ${image}`, () => assert.equal(isDockersFrontend(image), false));
  }
});
