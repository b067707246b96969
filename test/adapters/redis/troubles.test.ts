import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { troubleLog } from '../../../src/adapters/redis/troubles.ts';

describe('troubleLog', () => {
  it('logs the first trouble at once, and how many there were once in a while', () => {
    const lines: Record<string, unknown>[] = [];
    let now = 0;
    const tell = troubleLog(pino({}, { write: (line) => void lines.push(JSON.parse(line)) }), 'trouble', () => now);
    for (; now < 65_000; now += 100) tell(new Error('away'));
    assert.deepEqual(
      lines.map(({ msg, reason, leftOut }) => ({ msg, reason, leftOut })),
      [0, 299, 299].map((leftOut) => ({ msg: 'trouble', reason: 'away', leftOut })),
    );
  });
});
