import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Attempt, undelivered } from '../../../src/adapters/github/deliveries.ts';
import { startReceiver } from '../../simulator/receiver.ts';
import { startGithub } from './github.ts';
import { retryAt, signal } from './opened.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A GitHub whose webhooks have somewhere to go. */
async function listening() {
  const [receiver, github] = await Promise.all([startReceiver(), startGithub()]);
  const { simulator } = github;
  simulator.setWebhookUrl(receiver.url);
  return {
    receiver,
    github,
    simulator,
    /** Webhooks sent `agoMs` ago, of which none or all arrive. */
    async send(count: number, { lost = false, agoMs = 0 } = {}) {
      simulator.setClockOffset(-agoMs);
      if (lost) simulator.deliveries.lose({ event: 'ping' }, count);
      for (let each = 0; each < count; each += 1) simulator.ping();
      await simulator.deliveries.settled();
      simulator.deliveries.behave();
      simulator.setClockOffset(0);
    },
    /** How many different ones have arrived. */
    async arrived() {
      await simulator.deliveries.settled();
      return new Set(receiver.received.map(({ headers }) => headers['x-github-delivery'])).size;
    },
    /** How many times the list, and a delivery, was asked for since this was last asked. */
    asked() {
      const requests = github.requests();
      const count = (operation: string) => requests.filter((each) => each.endsWith(operation)).length;
      return { pages: count('list-webhook-deliveries'), attempts: count('redeliver-webhook-delivery') };
    },
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

describe('undelivered', () => {
  const attempt = (id: number, guid: string, at: number, hasArrived = false): Attempt => ({ id, guid, at, hasArrived });
  const rows: readonly { name: string; attempts: readonly Attempt[]; want: readonly number[] }[] = [
    { name: 'nothing', attempts: [], want: [] },
    { name: 'one that arrived', attempts: [attempt(1, 'a', 50, true)], want: [] },
    { name: 'the last attempt', attempts: [attempt(2, 'a', 60), attempt(1, 'a', 50)], want: [2] },
    { name: 'none when a later one arrived', attempts: [attempt(2, 'a', 60, true), attempt(1, 'a', 50)], want: [] },
    { name: 'none when an earlier one arrived', attempts: [attempt(2, 'a', 60), attempt(1, 'a', 50, true)], want: [] },
    { name: 'none of before', attempts: [attempt(1, 'a', 9)], want: [] },
    {
      name: 'the oldest first',
      attempts: [attempt(3, 'c', 70), attempt(1, 'a', 50), attempt(2, 'b', 60)],
      want: [1, 2, 3],
    },
  ];
  for (const { name, attempts, want } of rows) {
    it(name, () =>
      assert.deepEqual(
        undelivered(attempts, 10).map(({ id }) => id),
        want,
      ),
    );
  }
});

describe('redelivery', () => {
  it('B5 finds what was lost behind hundreds that arrived, and no further than it must', async () => {
    await using subject = await listening();
    await subject.send(1, { lost: true, agoMs: 3 * 60 * minuteMs });
    await subject.send(2, { lost: true, agoMs: 2 * 60 * minuteMs });
    await subject.send(230);
    const forge = subject.github.forge();
    const before = await subject.arrived();
    subject.asked();
    const { redelivered } = await forge.redeliver(Date.now() - 150 * minuteMs, signal);
    assert.equal(redelivered, 2);
    assert.equal(await subject.arrived(), before + 2);
    assert.deepEqual(subject.asked(), { pages: 3, attempts: 2 });
    await forge.redeliver(Date.now() - minuteMs, signal);
    assert.equal(subject.asked().pages, 3);
    await subject.send(150);
    await forge.redeliver(Date.now() + 2_000, signal);
    assert.equal(subject.asked().pages, 1);
  });

  it('B5 of many goes on where it ended, the oldest first', async () => {
    await using subject = await listening();
    for (const hours of [5, 4, 3, 2]) await subject.send(20, { lost: true, agoMs: hours * 60 * minuteMs });
    await subject.send(1);
    const before = await subject.arrived();
    const first = await subject.github.forge().redeliver(0, signal);
    assert.equal(first.redelivered, 60);
    assert.ok(first.seenUntil <= Date.now() - 119 * minuteMs, 'the rest lies after');
    assert.equal(await subject.arrived(), before + 60);
    // By another process, as after a crash.
    const second = await subject.github.forge().redeliver(first.seenUntil, signal);
    assert.equal(second.redelivered, 20);
    assert.equal(await subject.arrived(), before + 80);
    assert.ok(second.seenUntil > first.seenUntil);
  });

  it('B5 a crash before its end is known loses nothing and repeats nothing that arrived', async () => {
    await using subject = await listening();
    await subject.send(3, { lost: true });
    await subject.github.forge().redeliver(0, signal);
    assert.equal(await subject.arrived(), 3);
    assert.equal((await subject.github.forge().redeliver(0, signal)).redelivered, 0);
  });

  it('B5 one that fails in the middle is made up for by the next', async () => {
    await using subject = await listening();
    await subject.send(3, { lost: true });
    const path = 'apps/redeliver-webhook-delivery';
    let hits = 0;
    subject.simulator.faults.add({
      match: { path },
      times: 2,
      change: (answer) => ((hits += 1) === 2 ? { status: 502, body: {} } : answer),
    });
    await assert.rejects(subject.github.forge().redeliver(0, signal));
    await subject.arrived();
    await subject.github.forge().redeliver(0, signal);
    assert.equal(await subject.arrived(), 3);
  });

  it('reaches three days back', async () => {
    await using subject = await listening();
    await subject.send(1, { lost: true, agoMs: 4 * dayMs });
    await subject.send(1, { lost: true, agoMs: 2 * dayMs });
    assert.equal((await subject.github.forge().redeliver(0, signal)).redelivered, 1);
  });

  it('of one that fails again is tried a few times, with pauses', async () => {
    await using subject = await listening();
    await subject.send(1, { lost: true });
    subject.receiver.status = 500;
    let now = Date.now();
    const forge = subject.github.forge({ clock: { now: () => now } });
    subject.asked();
    let since = 0;
    for (let call = 0; call < 20; call += 1) {
      ({ seenUntil: since } = await forge.redeliver(since, signal));
      await subject.simulator.deliveries.settled();
      if (call % 2 === 1) now += minuteMs;
    }
    assert.equal(subject.asked().attempts, 5);
  });

  it('of one that GitHub refuses does not stop the others', async () => {
    for (const status of [404, 422]) {
      await using subject = await listening();
      await subject.send(3, { lost: true });
      subject.simulator.faults.add({ match: { path: 'apps/redeliver-webhook-delivery' }, times: 1, status, body: {} });
      const forge = subject.github.forge();
      assert.equal((await forge.redeliver(0, signal)).redelivered, 2);
      assert.equal(await subject.arrived(), 2);
      assert.equal((await forge.redeliver(0, signal)).redelivered, 0);
    }
  });

  it('by a host that does not offer it is an error', async () => {
    for (const status of [403, 404]) {
      await using subject = await listening();
      subject.simulator.faults.add({ match: { path: 'apps/list-webhook-deliveries' }, status, body: {} });
      await assert.rejects(subject.github.forge().redeliver(0, signal), { name: 'RefusedError', status });
    }
  });

  it('C2 at the limit is postponed', async () => {
    await using subject = await listening();
    subject.simulator.faults.primaryRateLimit({ match: { path: 'apps/list-webhook-deliveries' } });
    await retryAt(subject.github.forge().redeliver(0, signal));
  });

  it('C8 forgets nothing when the clock of GitHub is behind', async () => {
    await using subject = await listening();
    await subject.send(1, { agoMs: 30 * minuteMs });
    const forge = subject.github.forge();
    const { seenUntil } = await forge.redeliver(0, signal);
    await subject.send(1, { lost: true, agoMs: 29 * minuteMs });
    assert.equal((await forge.redeliver(seenUntil, signal)).redelivered, 1);
  });

  it('C5 follows the cursor of a foreign "Link", but not to its host', async () => {
    await using subject = await listening();
    await using foreign = await startGithub();
    await subject.send(1, { lost: true });
    await subject.send(120);
    const { origin } = new URL(foreign.simulator.apiUrl);
    subject.simulator.faults.add({
      match: { path: 'apps/list-webhook-deliveries' },
      times: 1,
      change: (answer) => ({
        ...answer,
        headers: {
          ...answer.headers,
          link: String(answer.headers?.['link']).replace(/<https?:\/\/[^/]+/, `<${origin}`),
        },
      }),
    });
    assert.equal((await subject.github.forge().redeliver(0, signal)).redelivered, 1);
    assert.equal(foreign.simulator.requests.length, 0);
  });
});
