import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWritePace } from '../../../src/adapters/github/write-pace.ts';
import { RetryLaterError } from '../../../src/domain/errors.ts';
import { fakeClock } from '../../fakes/clock.ts';

const signal = new AbortController().signal;

describe('write pace', () => {
  it('never runs two writes of an installation at once, and those of two side by side', async () => {
    const pace = createWritePace(fakeClock(), { burst: 10, perSecond: 1 });
    const first = Promise.withResolvers<void>();
    const started: string[] = [];
    const write = (name: string, until?: Promise<void>) => async () => {
      started.push(name);
      await until;
    };
    const runs = [
      pace.run(1, signal, write('a', first.promise)),
      pace.run(1, signal, write('b')),
      pace.run(2, signal, write('c')),
    ];
    await runs[2];
    assert.deepEqual(started, ['a', 'c']);
    first.resolve();
    await Promise.all(runs);
    assert.deepEqual(started, ['a', 'c', 'b']);
  });

  it('goes on after a write that failed', async () => {
    const pace = createWritePace(fakeClock(), { burst: 10, perSecond: 1 });
    await assert.rejects(
      pace.run(1, signal, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await pace.run(1, signal, () => Promise.resolve('yes')), 'yes');
  });

  it('lets a burst through, gives back whoever would wait for long, and recovers with time', async () => {
    const clock = fakeClock();
    const pace = createWritePace(clock, { burst: 3, perSecond: 0.1 });
    const write = () => pace.run(1, signal, () => Promise.resolve());
    for (let count = 0; count < 3; count += 1) await write();
    await assert.rejects(
      write(),
      (error) => error instanceof RetryLaterError && error.retryAt === clock.now() + 10_000,
    );
    await clock.advance(10_000);
    await write();
    await assert.rejects(write(), RetryLaterError);
  });

  it('does not run what has been aborted meanwhile', async () => {
    const pace = createWritePace(fakeClock(), { burst: 10, perSecond: 1 });
    const stop = new AbortController();
    const first = Promise.withResolvers<void>();
    const running = pace.run(1, signal, () => first.promise);
    const waiting = pace.run(1, stop.signal, () => assert.fail('it ran'));
    stop.abort(new Error('superseded'));
    first.resolve();
    await running;
    await assert.rejects(waiting, /superseded/);
  });
});
