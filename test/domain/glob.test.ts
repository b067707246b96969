import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { matchesGlob } from '../../src/domain/glob.ts';

describe('matchesGlob', () => {
  const globs = [
    'main',
    '*',
    '**',
    'src/**',
    '**/*.ts',
    'src/*.ts',
    'src/**/*.test.ts',
    'a/**/b',
    '**/b',
    'release/*',
    '?',
    'a?c',
    '*a*',
    '*.md',
    '[ab]c',
    '[!ab]c',
    '[a-c]/*',
    '{src,lib}/**',
    '*.{ts,js}',
    'a{b,c{d,e}}f',
    '.github/**',
    '.*',
    'a.*',
    'docs/*/x',
    '**/x/**',
    'x**y',
    'a/*',
    '[',
    '{a',
    'a{b}c',
  ];
  const paths = [
    'main',
    'README.md',
    'src/a.ts',
    'src/a/b.ts',
    'src/a/b.test.ts',
    'src/b.test.ts',
    'lib/x.js',
    'a/b',
    'a/x/b',
    'a/x/y/b',
    'b',
    'release/1',
    'release/1/2',
    'a',
    'abc',
    'ac',
    'bc',
    'cc',
    'b/c',
    'abf',
    'acdf',
    'acef',
    '.github/ci.yml',
    '.env',
    'a.b',
    'docs/q/x',
    'docs/q/x/r',
    'x',
    'xzzy',
    'xy',
    '[',
    '{a',
    'a{b}c',
    'a/.b',
    'src/.x/y.ts',
  ];
  for (const glob of globs) {
    it(`${glob} means what it means to Node`, () => {
      for (const path of paths) {
        assert.equal(matchesGlob(path, glob), posix.matchesGlob(path, glob), `${path} and ${glob}`);
      }
    });
  }

  it('E6 takes no time worth mentioning, whatever the name of a file and the glob are made for', () => {
    const before = process.cpuUsage();
    assert.equal(matchesGlob('a'.repeat(4_096), `${'*a'.repeat(199)}*b`), false);
    assert.equal(matchesGlob('a/'.repeat(2_048), `${'**/'.repeat(130)}b`), false);
    assert.equal(matchesGlob('a'.repeat(80), '{a,b}'.repeat(80)), true);
    assert.equal(matchesGlob('a', '{'.repeat(400)), false);
    assert.equal(matchesGlob('a', '{a,'.repeat(133)), false);
    assert.ok(process.cpuUsage(before).user < 5_000_000);
  });
});
