import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Logger, pino } from 'pino';
import { logOptions } from '../src/log.ts';
import { createRedaction } from '../src/redaction.ts';

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

  describe('E4 a line holds no credential', () => {
    const held = 'p@ss"w\\ord\n-of-several-lines-0123';
    const logged = (write: (log: Logger) => void) => {
      let line = '';
      const options = logOptions({
        level: 'info',
        role: 'worker',
        redaction: createRedaction({ credentials: [held, 'nabc1234'] }),
      });
      write(pino(options, { write: (text) => void (line = text) }));
      assert.ok(line.endsWith('}\n') && !/-of-several|p@ss|nabc1234/.test(line), line);
      return JSON.parse(line) as Record<string, unknown>;
    };

    it('in its message and fields, however deep, and those of a child', () => {
      const { msg, list, deep, child } = logged((log) =>
        log.child({ child: held }).info({ list: ['a', held], deep: { url: encodeURIComponent(held) } }, `with ${held}`),
      );
      assert.deepEqual(
        { msg, list, deep, child },
        {
          msg: 'with [redacted]\n[redacted]',
          list: ['a', '[redacted]\n[redacted]'],
          deep: { url: '[redacted]%0A[redacted]' },
          child: '[redacted]\n[redacted]',
        },
      );
    });

    it('in an error, its causes and its stack', () => {
      const { err } = logged((log) =>
        log.info({ err: new Error(held, { cause: new Error(`because of ${held}`) }) }, 'failed'),
      );
      assert.match(JSON.stringify(err), /\[redacted\]/);
    });

    it('in an error of the GitHub client, which has left it out itself, however deep it is', () => {
      const request = { url: 'https://api.github.com/app', headers: { authorization: 'bearer [REDACTED]' } };
      const cause = Object.assign(new Error('connect ECONNREFUSED'), { request });
      const { msg, err } = logged((log) =>
        log.warn({ err: new Error('cannot be reached', { cause }) }, 'chore failed'),
      );
      assert.equal(msg, 'chore failed');
      assert.match(JSON.stringify(err), /ECONNREFUSED.*\[REDACTED\]/);
    });

    it('in the name of a field', () => {
      assert.equal(logged((log) => log.info({ nabc1234: 1 }, 'done'))['msg'], 'line left out: it held a credential');
    });
  });

  it('E3 is one line for every reader, and gives terminals nothing to obey', () => {
    let line = '';
    const log = pino(logOptions({ level: 'info', role: 'worker' }), { write: (text) => void (line = text) });
    log.info({ title: 'a\u2028b\u2029c\u0085d\u001B[31me\u202Ef\u009Bg\r\nh' }, 'told');
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    assert.doesNotMatch(line.trimEnd(), /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202E]/);
    assert.equal((JSON.parse(line) as { title: string }).title, 'a\u2028b\u2029c\u0085d\u001B[31me\u202Ef\u009Bg\r\nh');
  });
});
