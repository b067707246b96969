import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ok } from '../../src/doctor/finding.ts';
import { type Check, type Found, runChecks } from '../../src/doctor/run-checks.ts';

const { signal } = new AbortController();

function check(name: string, run: Check['run'], timeoutMs = 5_000): Check {
  return { name, timeoutMs, todo: `look at ${name}`, run };
}

async function all(checks: readonly Check[], stop: AbortSignal = signal): Promise<readonly Found[]> {
  const found: Found[] = [];
  for await (const each of runChecks(checks, stop)) found.push(each);
  return found;
}

describe('runChecks', () => {
  it('runs everything at once and tells it in the order of the checks', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = check('slow', async (report) => {
      await promise;
      report(ok('at last'));
    });
    const quick = check('quick', async (report) => {
      report(ok('at once'));
      // The first check cannot end unless the second one runs beside it.
      resolve();
    });
    const found = await all([slow, quick]);
    assert.deepEqual(
      found.map(({ check, seen }) => `${check}: ${seen}`),
      ['slow: at last', 'quick: at once'],
    );
  });

  it('tells a finding before its check has ended', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = check('running', async (report) => {
      report(ok('so far'));
      await promise;
    });
    const findings = runChecks([running], signal);
    assert.equal((await findings.next()).value.seen, 'so far');
    resolve();
    assert.equal((await findings.next()).done, true);
  });

  it('makes a problem of an error, with its causes, and goes on', async () => {
    const failing = check('failing', async () => {
      throw new Error('connecting failed', { cause: new Error('ECONNREFUSED') });
    });
    const found = await all([failing, check('next', async (report) => report(ok('fine')))]);
    assert.deepEqual(found, [
      { check: 'failing', level: 'problem', seen: 'connecting failed: ECONNREFUSED', todo: 'look at failing' },
      { check: 'next', level: 'ok', seen: 'fine' },
    ]);
  });

  it('ends a check at its time limit, keeps what it has found, and lets it clean up', async () => {
    let cleanedUp = false;
    const stuck = check(
      'stuck',
      async (report, stop) => {
        report(ok('the first half'));
        try {
          await new Promise((_, reject) => stop.addEventListener('abort', () => reject(stop.reason)));
        } finally {
          cleanedUp = true;
        }
      },
      20,
    );
    const found = await all([stuck]);
    assert.deepEqual(
      found.map(({ level, seen }) => `${level}: ${seen}`),
      ['ok: the first half', 'problem: no result after 0.02 s'],
    );
    assert.ok(cleanedUp);
  });

  it('says nothing more once everything is stopped', async () => {
    const stop = new AbortController();
    const stuck = check('stuck', async (_, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const findings = all([stuck], stop.signal);
    stop.abort(new Error('SIGINT'));
    assert.deepEqual(await findings, []);
  });
});
