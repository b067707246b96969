import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { redeliver } from '../../src/reconcile/redelivery.ts';
import { fakeClock } from '../fakes/clock.ts';
import { fakeForge } from '../fakes/forge.ts';
import { fakeStore } from '../fakes/store.ts';
import { fakeTelemetry } from '../fakes/telemetry.ts';

const { signal } = new AbortController();
const dayMs = 86_400_000;

/** A forge that had so many deliveries to send again, and what it was asked for. */
function world(redelivered: number) {
  const clock = fakeClock();
  const asked: number[] = [];
  const forge = {
    ...fakeForge(),
    async redeliver(since: number) {
      asked.push(since);
      return { redelivered, seenUntil: clock.now() - 600_000 };
    },
  };
  const ports = { clock, forge, store: fakeStore(clock), telemetry: fakeTelemetry(), log: pino({ level: 'silent' }) };
  return { ...ports, asked };
}

describe('redeliver', () => {
  it('A13 goes back as far as GitHub does at first, then to where it was', async () => {
    const ports = world(0);
    const start = ports.clock.now();
    await redeliver(ports, signal);
    await ports.clock.advance(120_000);
    await redeliver(ports, signal);
    assert.deepEqual(ports.asked, [start - 3 * dayMs, start - 600_000]);
    assert.equal(ports.telemetry.reclaims.size, 0);
  });

  it('A13 never goes back further than GitHub keeps deliveries', async () => {
    const ports = world(0);
    await redeliver(ports, signal);
    await ports.clock.advance(5 * dayMs);
    await redeliver(ports, signal);
    assert.equal(ports.asked.at(-1), ports.clock.now() - 3 * dayMs);
  });

  it('counts what was lost', async () => {
    const ports = world(3);
    await redeliver(ports, signal);
    assert.deepEqual([...ports.telemetry.reclaims], [['delivery', 3]]);
  });

  it('goes back to where it was when asking has failed', async () => {
    const ports = world(0);
    const start = ports.clock.now();
    await redeliver(ports, signal);
    const forge = { ...ports.forge, redeliver: () => Promise.reject(new Error('502')) };
    await assert.rejects(redeliver({ ...ports, forge }, signal), /502/);
    await ports.clock.advance(60_000);
    await redeliver(ports, signal);
    assert.equal(ports.asked.at(-1), start - 600_000);
  });
});
