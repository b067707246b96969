import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { logOptions } from '../src/log.ts';

describe('logOptions', () => {
  const lineOf = (fields: object) => {
    let line = '';
    const log = pino(logOptions({ level: 'info', role: 'worker' }), { write: (text) => void (line = text) });
    log.info(fields, 'step done');
    return JSON.parse(line) as Record<string, unknown>;
  };

  it('writes what every line has', () => {
    const { time, ...rest } = lineOf({ preview: '7-42' });
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual(rest, { level: 'info', service: 'berth', role: 'worker', preview: '7-42', msg: 'step done' });
  });

  it('writes errors with their causes', () => {
    const { err } = lineOf({ err: new Error('creating pr-1', { cause: new Error('quota exceeded') }) });
    assert.match(JSON.stringify(err), /creating pr-1.*quota exceeded/);
  });

  it('keeps secrets out, wherever somebody puts them', () => {
    const line = lineOf({
      token: 'hunter2',
      config: { privateKey: 'hunter2' },
      request: { headers: { authorization: 'Bearer hunter2', accept: '*/*' } },
      err: Object.assign(new Error('refused'), { request: { headers: { authorization: 'token hunter2' } } }),
    });
    assert.doesNotMatch(JSON.stringify(line), /hunter2/);
    assert.match(JSON.stringify(line), /\*\/\*/);
  });
});
