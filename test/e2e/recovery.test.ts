import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { page, slowPage, slowRelease } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('a part that fails in the middle of the work', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  const buildStarted = (revision: string) =>
    world.berth.logged((line) => line.msg === 'build started' && line['revision'] === revision, 'the build started');

  it('F4 Redis emptied between open and ready: the preview comes all the same', async () => {
    const repo = 'acme/emptied';
    world.github.createRepository({ owner: 'acme', name: 'emptied', from: slowPage('emptied', 3) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await buildStarted(headSha);
    await emptyRedis(world);
    const url = await world.running(repo, number, headSha);
    await world.shows(url, headSha);
  });

  it('F1 the worker killed in the middle of a build: the build is done again', async () => {
    const repo = 'acme/killed-in-build';
    world.github.createRepository({ owner: 'acme', name: 'killed-in-build', from: slowPage('killed', 5) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await buildStarted(headSha);
    await world.restart('SIGKILL');
    const url = await world.running(repo, number, headSha);
    await world.shows(url, headSha);
  });

  it('F1 G1 the worker killed while Helm runs: the release is recovered', async () => {
    const repo = 'acme/killed-in-helm';
    world.github.createRepository({ owner: 'acme', name: 'killed-in-helm', from: slowRelease(5) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await world.berth.logged(
      (line) => line.msg === 'step started' && line['step'] === 'upgrade release' && line['revision'] === headSha,
      'Helm started',
    );
    await world.restart('SIGKILL');
    const url = await world.running(repo, number, headSha);
    await world.shows(url, headSha);
    assert.equal(world.github.comments(repo, number).length, 1);
  });

  it('F7 stopped by SIGTERM in the middle of a build: the next one takes over', async () => {
    const repo = 'acme/stopped';
    world.github.createRepository({ owner: 'acme', name: 'stopped', from: slowPage('stopped', 5) });
    const { number, headSha } = world.github.openPullRequest({ repo });
    await buildStarted(headSha);
    await world.restart('SIGTERM');
    const url = await world.running(repo, number, headSha);
    await world.shows(url, headSha);
  });

  it('B5 down while pull requests are opened and closed: converges after the start', async () => {
    const repo = 'acme/missed';
    world.github.createRepository({ owner: 'acme', name: 'missed', from: page('missed') });
    const before = world.github.openPullRequest({ repo });
    await world.running(repo, before.number, before.headSha);
    await world.berth.stop();
    world.github.closePullRequest(repo, before.number);
    const missed = world.github.openPullRequest({ repo });
    await world.github.deliveries.settled();
    await world.restart('SIGTERM');
    await world.running(repo, missed.number, missed.headSha);
    await world.removed(repo, before.number);
  });
});

/** Removes every key of this world's Berth, as a Redis restarted empty would. */
async function emptyRedis({ stack, instance }: World): Promise<void> {
  const redis = new Redis(stack.redisUrl);
  try {
    const keys = await redis.keys(`{${instance}}*`);
    if (keys.length > 0) await redis.del(...keys);
  } finally {
    redis.disconnect();
  }
}
