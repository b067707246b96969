import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { askAgainMs, type Chore, type ChoreClock, startChore } from '../../src/reconcile/chore.ts';
import { claimTtlMs } from '../../src/reconcile/claimed.ts';
import { type FakeClock, fakeClock } from '../fakes/clock.ts';
import { fakeStore } from '../fakes/store.ts';
import { closedGate, type Gate } from './gate.ts';

const intervalMs = 60_000;

describe('a chore', () => {
  let time: FakeClock;
  let store: ReturnType<typeof fakeStore>;
  let gate: Gate;
  /** Names of the processes, in the order in which they began. */
  let begun: string[];
  let failure: Error | undefined;
  let clocks: ChoreClock[];
  let logged: { readonly level: number; readonly msg: string }[];

  /** A process that has the chore. */
  const start = (process: string, change: Partial<Chore> = {}) => {
    const chore: Chore = {
      name: 'sweep',
      by: 'one process',
      everyMs: intervalMs,
      catchesUp: true,
      async run(signal) {
        begun.push(process);
        await gate.pass(signal);
        if (failure) throw failure;
      },
      ...change,
    };
    const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
    const clock = startChore({ store, log }, chore);
    clocks.push(clock);
    return clock;
  };
  const turns = async () => {
    for (let nth = 0; nth < 20; nth += 1) await setImmediate();
  };
  /** Lets so much time pass, in steps in which claims are renewed. */
  const pass = async (ms: number) => {
    const step = Math.min(ms, 1_000);
    for (let passed = 0; passed < ms; passed += step) {
      await time.advance(step);
      mock.timers.tick(step);
      await turns();
    }
  };

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    time = fakeClock();
    store = fakeStore(time);
    gate = closedGate();
    begun = [];
    failure = undefined;
    clocks = [];
    logged = [];
  });
  afterEach(async () => {
    await Promise.all(clocks.map((clock) => clock.close()));
    mock.timers.reset();
  });

  it('is done by each process for itself when it is about its own machine', async () => {
    start('a', { by: 'each process', catchesUp: false }).start();
    start('b', { by: 'each process', catchesUp: false }).start();
    await turns();
    assert.deepEqual(begun, ['a', 'b']);
    gate.open();
    await pass(intervalMs);
    assert.deepEqual(begun, ['a', 'b', 'a', 'b']);
  });

  it('is not done before it is asked for', async () => {
    start('a');
    await turns();
    assert.deepEqual(begun, []);
  });

  it('is never done twice at once; what is asked for meanwhile makes one more', async () => {
    const clock = start('a');
    clock.soon();
    await turns();
    for (let nth = 0; nth < 3; nth += 1) clock.soon();
    await turns();
    assert.equal(begun.length, 1);
    gate.open();
    await turns();
    assert.equal(begun.length, 2);
  });

  it('is done again so long after the end of the last one', async () => {
    const clock = start('a');
    gate.open();
    clock.start();
    await turns();
    assert.equal(begun.length, 1);
    await pass(intervalMs - 1_000);
    assert.equal(begun.length, 1);
    await pass(1_000);
    assert.equal(begun.length, 2);
    await pass(intervalMs);
    assert.equal(begun.length, 3);
  });

  it('is done when asked for only, without an interval', async () => {
    const clock = start('a', { everyMs: undefined });
    gate.open();
    clock.soon();
    await pass(intervalMs * 3);
    assert.equal(begun.length, 1);
  });

  it('F9 is done by one of two processes; what the other was asked for meanwhile, it does afterwards', async () => {
    const [a, b] = [start('a'), start('b')];
    a.soon();
    b.soon();
    await pass(claimTtlMs * 3);
    assert.deepEqual(begun, ['a']);
    gate.open();
    await pass(askAgainMs);
    assert.deepEqual(begun, ['a', 'b']);
  });

  it('F9 is done once in an interval, however many processes there are', async () => {
    gate.open();
    const [a, b] = [start('a'), start('b')];
    a.start();
    await pass(intervalMs / 2);
    b.start();
    await pass(intervalMs * 4);
    // Each start makes up for what was missed; then there is one for each interval.
    assert.deepEqual(begun.slice(0, 2), ['a', 'b']);
    assert.ok(begun.length >= 5 && begun.length <= 7, `done ${begun.length} times`);
  });

  it('is not done at a start shortly after it was done, unless it makes up for what was missed', async () => {
    gate.open();
    start('a').start();
    await turns();
    start('b', { catchesUp: false }).start();
    await turns();
    assert.deepEqual(begun, ['a']);
    start('c').start();
    await turns();
    assert.deepEqual(begun, ['a', 'c']);
  });

  it('F1 is done by another process when the one that did it dies', async () => {
    await store.claim('sweep', claimTtlMs);
    gate.open();
    start('b').start();
    await pass(claimTtlMs - 1_000);
    assert.deepEqual(begun, []);
    await pass(askAgainMs);
    assert.deepEqual(begun, ['b']);
  });

  it('F2 stops when another process has taken over, and is done again after that one', async () => {
    const a = start('a');
    a.soon();
    await turns();
    // Stopped for longer than the claim lasts: nothing was renewed.
    await time.advance(claimTtlMs + 1);
    start('b').soon();
    await turns();
    assert.deepEqual(begun, ['a', 'b']);
    assert.equal(gate.waiting, 2);
    mock.timers.tick(claimTtlMs / 3);
    await turns();
    assert.equal(gate.waiting, 1);
    gate.open();
    await pass(askAgainMs * 2);
    assert.deepEqual(begun, ['a', 'b', 'a']);
  });

  it('F5 stops when the claim cannot be renewed for as long as it lasts', async () => {
    const { claim } = store;
    store.claim = async (...how) => {
      const held = await claim(...how);
      return held && { ...held, renew: () => Promise.reject(new Error('Redis is away')) };
    };
    start('a').soon();
    await turns();
    await pass(claimTtlMs);
    assert.equal(gate.waiting, 1);
    await pass(claimTtlMs / 3);
    assert.equal(gate.waiting, 0);
  });

  it('is done again after it has failed; what lasts is told once', async () => {
    const clock = start('a');
    gate.open();
    failure = new Error('cluster out of order');
    clock.start();
    await pass(intervalMs * 2);
    assert.equal(begun.length, 3);
    failure = undefined;
    await pass(intervalMs);
    assert.deepEqual(
      logged.map(({ level, msg }) => [pino.levels.labels[level], msg]),
      [
        ['warn', 'chore failed'],
        ['debug', 'chore failed'],
        ['debug', 'chore failed'],
        ['info', 'chore works again'],
      ],
    );
  });

  it('ends when it is closed, and begins no more', async () => {
    const clock = start('a');
    clock.soon();
    await turns();
    clock.soon();
    await clock.close();
    assert.equal(gate.waiting, 0);
    clock.soon();
    await turns();
    assert.equal(begun.length, 1);
    assert.notEqual(await store.claim('sweep', 1), undefined);
  });
});
