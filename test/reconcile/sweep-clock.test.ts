import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { type SweepClock, startSweeping } from '../../src/reconcile/sweep-clock.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type FakeCluster, fakeCluster } from '../fakes/cluster.ts';
import { fakeForge } from '../fakes/forge.ts';
import { fakeQueue } from '../fakes/queue.ts';
import { fakeStore } from '../fakes/store.ts';
import { closedGate, type Gate } from './gate.ts';

describe('startSweeping', () => {
  let gate: Gate;
  /** How many sweeps have begun. */
  let begun: number;
  let clock: SweepClock;
  let previews: FakeCluster['previews'];

  const start = (intervalMs?: number) => {
    const time = fakeClock();
    const cluster = fakeCluster();
    previews = cluster.previews;
    const slow: FakeCluster = {
      ...cluster,
      async previews(signal) {
        begun += 1;
        await gate.pass(signal);
        return previews(signal);
      },
    };
    const ports = { forge: fakeForge(), cluster: slow, queue: fakeQueue(time), store: fakeStore(time) };
    clock = startSweeping({ ...ports, log: pino({ level: 'silent' }) }, intervalMs);
  };
  const turns = async () => {
    for (let nth = 0; nth < 20; nth += 1) await setImmediate();
  };

  beforeEach(() => {
    gate = closedGate();
    begun = 0;
  });
  afterEach(() => clock.close());

  it('does not sweep before it is asked', async () => {
    start();
    await turns();
    assert.equal(begun, 0);
  });

  it('never sweeps twice at once; what is asked for meanwhile makes one more', async () => {
    start();
    clock.soon();
    await turns();
    for (let nth = 0; nth < 3; nth += 1) clock.soon();
    await turns();
    assert.equal(begun, 1);
    assert.equal(gate.waiting, 1);
    gate.open();
    await turns();
    assert.equal(begun, 2);
  });

  it('sweeps again so long after the end of the last one', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    start(1_000);
    gate.open();
    clock.soon();
    await turns();
    assert.equal(begun, 1);
    t.mock.timers.tick(999);
    await turns();
    assert.equal(begun, 1);
    t.mock.timers.tick(1);
    await turns();
    assert.equal(begun, 2);
    t.mock.timers.tick(1_000);
    await turns();
    assert.equal(begun, 3);
  });

  it('sweeps again after one that failed', async () => {
    start();
    gate.open();
    previews = () => Promise.reject(new Error('cluster out of order'));
    clock.soon();
    await turns();
    clock.soon();
    await turns();
    assert.equal(begun, 2);
  });

  it('ends the running sweep when it is closed, and begins no other', async () => {
    start(1);
    clock.soon();
    await turns();
    clock.soon();
    await clock.close();
    assert.equal(gate.waiting, 0);
    clock.soon();
    await turns();
    assert.equal(begun, 1);
  });
});
