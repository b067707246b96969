import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attempts, type Unanswered } from '../../src/gateway/attempts.ts';

const refused: Unanswered = { wasConnected: false, isRepeatable: false, code: 'ECONNREFUSED' };
const silent: Unanswered = { wasConnected: false, isRepeatable: false, code: undefined };
const broken: Unanswered = { wasConnected: true, isRepeatable: true, code: 'ECONNRESET' };

describe('attempts', () => {
  const rows: readonly {
    readonly name: string;
    readonly afterMs: number;
    readonly failure: Unanswered;
    readonly want: number | undefined;
  }[] = [
    { name: 'a refused connection is tried again', afterMs: 0, failure: refused, want: 100 },
    { name: 'for as long as kube-proxy may need', afterMs: 2_800, failure: refused, want: 100 },
    { name: 'and no longer', afterMs: 2_900, failure: refused, want: undefined },
    { name: 'one that is not answered is tried again', afterMs: 4_000, failure: silent, want: 100 },
    { name: 'within its time', afterMs: 4_900, failure: silent, want: undefined },
    { name: 'one that broke is tried again at once', afterMs: 60_000, failure: broken, want: 0 },
    {
      name: 'unless the request may have done something',
      afterMs: 0,
      failure: { ...broken, isRepeatable: false },
      want: undefined,
    },
    {
      name: 'or the service has said something else than HTTP',
      afterMs: 0,
      failure: { ...broken, code: 'HPE_INVALID_CONSTANT' },
      want: undefined,
    },
  ];
  for (const { name, afterMs, failure, want } of rows) {
    it(name, () => {
      let now = 0;
      const tries = attempts(5_000, () => now);
      now = afterMs;
      assert.equal(tries.pauseAfter(failure), want);
    });
  }

  it('a connection that breaks again and again is given up', () => {
    const tries = attempts(5_000, () => 0);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => tries.pauseAfter(broken)),
      [0, 100, 100, undefined],
    );
  });

  it('after a connection that broke, a refused one has its time again', () => {
    let now = 0;
    const tries = attempts(5_000, () => now);
    now = 60_000;
    tries.pauseAfter(broken);
    assert.equal(tries.pauseAfter(refused), 100);
  });

  it('gives each connection a second, and the last what is left', () => {
    let now = 0;
    const tries = attempts(5_000, () => now);
    assert.equal(tries.connectMs(), 1_000);
    now = 4_700;
    assert.equal(tries.connectMs(), 300);
  });
});
