import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonOf, summaryOf, textOf } from '../../src/doctor/print.ts';
import type { Found } from '../../src/doctor/run-checks.ts';

const good: Found = { check: 'redis', level: 'ok', seen: 'takes writes' };
const bad: Found = { check: 'redis', level: 'problem', seen: 'is a replica', todo: 'Use the primary.' };
const middling: Found = { check: 'data', level: 'warning', seen: 'is small', todo: 'Make room.' };

describe('textOf', () => {
  it('puts what was seen on one line, and what to do below it', () => {
    assert.equal(textOf(good, undefined, false), 'ok       redis        takes writes');
    assert.equal(
      textOf(bad, good, false),
      'problem  redis        is a replica\n                      → Use the primary.',
    );
  });

  it('says what to do once when it is the same twice in a row', () => {
    assert.equal(textOf(bad, bad, false), 'problem  redis        is a replica');
  });

  it('colours the level alone', () => {
    assert.equal(textOf(good, undefined, true), '\u001B[32mok       \u001B[0mredis        takes writes');
  });

  it('lets nobody write more lines, or speak to the terminal', () => {
    const evil: Found = { ...good, seen: 'one\r\nproblem  redis\u001B[2Jgone\u202E' };
    assert.equal(textOf(evil, undefined, false), 'ok       redis        one problem redis [2Jgone');
  });
});

describe('summaryOf', () => {
  for (const { found, want } of [
    { found: [good], want: 'Berth can run here.' },
    { found: [good, middling], want: 'Berth can run here, with 1 warning.' },
    { found: [bad, middling, middling], want: 'Berth cannot run here yet: 1 problem, 2 warnings.' },
  ]) {
    it(want, () => assert.equal(summaryOf(found), want));
  }
});

describe('jsonOf', () => {
  it('has the same four fields for everything', () => {
    assert.deepEqual(JSON.parse(jsonOf(bad)), bad);
    assert.deepEqual(JSON.parse(jsonOf(good)), good);
  });
});
