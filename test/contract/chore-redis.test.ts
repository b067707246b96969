import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { connectRedis, type RedisConnection } from '../../src/adapters/redis/connection.ts';
import { redisStore } from '../../src/adapters/redis/store.ts';
import { type Chore, type ChoreClock, startChore } from '../../src/reconcile/chore.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';

const log = pino({ level: 'silent' });

describe('chores of several processes on one Redis', () => {
  let server: RedisServer;
  const connections: RedisConnection[] = [];
  const clocks: ChoreClock[] = [];
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await Promise.all(clocks.map((clock) => clock.close()));
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop();
  });

  /** A process with a connection of its own. */
  async function start(name: string, everyMs: number | undefined, run: () => Promise<void>): Promise<ChoreClock> {
    const connection = await connectRedis({ url: server.url }, log);
    connections.push(connection);
    const chore: Chore = { name, by: 'one process', everyMs, catchesUp: true, run };
    const clock = startChore({ store: redisStore(connection.client), log }, chore);
    clocks.push(clock);
    return clock;
  }

  it('F9 two sweeps at once: one acts, and the other follows when that one has ended', async () => {
    const order: string[] = [];
    const ends = new EventTarget();
    const sweepFor = (process: string) => async () => {
      order.push(`${process} begins`);
      await setTimeout(300);
      order.push(`${process} ends`);
      ends.dispatchEvent(new Event(process));
    };
    const a = await start('sweep', undefined, sweepFor('a'));
    const b = await start('sweep', undefined, sweepFor('b'));
    const both = Promise.all([once(ends, 'a'), once(ends, 'b')]);
    a.soon();
    b.soon();
    await both;
    const first = order[0]?.startsWith('a') ? ['a', 'b'] : ['b', 'a'];
    assert.deepEqual(
      order,
      first.flatMap((process) => [`${process} begins`, `${process} ends`]),
    );
  });

  it('F9 many processes with short intervals: never two at once, and about one in each interval', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    const sweep = async () => {
      running += 1;
      most = Math.max(most, running);
      await setTimeout(20);
      running -= 1;
      done += 1;
    };
    const processes = await Promise.all(Array.from({ length: 5 }, () => start('often', 200, sweep)));
    for (const process of processes) process.start();
    await setTimeout(3_000);
    assert.equal(most, 1);
    // 15 intervals, and one for each start that found another at it.
    assert.ok(done >= 4 && done <= 21, `done ${done} times`);
  });
});
