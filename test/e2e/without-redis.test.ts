import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { localStack } from '../local-stack.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { berthEnvironment } from './berth-environment.ts';
import { type LaunchedBerth, launchBerth, type LogLine } from './berth-process.ts';
import { page } from './repositories.ts';
import { visit } from './visit.ts';
import { startWorld, type World } from './world.ts';

describe('a Berth that is started while Redis is away', () => {
  const repo = 'acme/without-redis';
  let redis: RedisServer;
  let world: World;
  let berth: LaunchedBerth | undefined;
  before(async () => {
    redis = await startRedis();
    world = await startWorld({ env: { BERTH_REDIS_URL: redis.url } });
  });
  after(async () => {
    await berth?.stop();
    await redis.stop();
    await world[Symbol.asyncDispose]();
  });

  it('F5 serves previews, says that it waits, and does the rest when Redis is there', async () => {
    world.github.createRepository({ owner: 'acme', name: 'without-redis', from: page('without Redis') });
    const { number, headSha } = world.github.openPullRequest({ repo });
    const url = await world.running(repo, number, headSha);
    await world.berth.stop();
    await redis.kill();

    berth = await launchBerth({
      ...berthEnvironment(world.stack, world.github, { instance: world.instance, dataDir: `${world.directory}/late` }),
      BERTH_REDIS_URL: redis.url,
    });
    const waiting = await berth.logged(isWaiting, 'it said that it waits');
    assert.match(String(waiting['reason']), /ECONNREFUSED/);
    const port = await berth.listening('gateway');
    const host = new URL(url).hostname;
    const served = await visit({ port }, host, '/');
    assert.equal(served.status, 200, served.body);
    assert.ok(served.body.includes(headSha), served.body);
    const unknown = await visit({ port }, host.replace(/^[^.]+/, `${world.instance}-nothing`), '/');
    assert.equal(unknown.status, 503);
    assert.match(unknown.body, /state of this preview cannot be read right now/);

    const operators = await berth.logged((line) => line.msg === 'listening for operators', 'it listened for operators');
    const operations = async (path: string) =>
      (await visit({ port: Number(operators['port']) }, '127.0.0.1', path)).status;
    assert.deepEqual(
      [await operations('/healthz'), await operations('/readyz/roles'), await operations('/readyz')],
      [200, 200, 503],
    );
    assert.equal(await operations('/metrics'), 200);
    assert.ok(!berth.log.some((line) => line.msg === 'listening' && line['role'] === 'server'));

    await redis.startEmpty();
    world.github.setWebhookUrl(`http://127.0.0.1:${await berth.listening('server')}/webhooks/github`);
    const pushed = world.github.push(repo, number, page('with Redis'));
    await world.running(repo, number, pushed);
    assert.ok((await visit({ port }, host, '/')).body.includes(pushed));
    assert.equal(await operations('/readyz'), 200);
  });

  it('ends when it is told to while it waits', async () => {
    const late = await launchBerth({
      ...berthEnvironment(localStack(), world.github, { instance: 'waits', dataDir: `${world.directory}/waits` }),
      BERTH_REDIS_URL: 'redis://127.0.0.1:1',
    });
    await late.logged(isWaiting, 'it said that it waits');
    await late.stop();
    assert.deepEqual(
      late.log.filter((line) => line.level === 'fatal' || line.msg === 'stopped').map((line) => line.msg),
      ['stopped'],
    );
  });
});

const isWaiting = (line: LogLine) => line.msg === 'waiting for redis';
