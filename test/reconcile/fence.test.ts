import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FencedError } from '../../src/domain/errors.ts';
import { lookAtFence } from '../../src/reconcile/fence.ts';
import { type FakeCluster, fakeCluster } from '../fakes/cluster.ts';

const { signal } = new AbortController();
const key = { repositoryId: 1, number: 2 };

describe('lookAtFence', () => {
  let cluster: FakeCluster;
  let uid: string;
  const fenceOf = () => cluster.world.namespace('pr-2').fence;
  const look = () => lookAtFence(cluster, key, signal);

  beforeEach(() => {
    cluster = fakeCluster();
    ({ uid } = cluster.world.add('pr-2', key));
  });

  it('writes nothing before the first claim', async () => {
    const before = fenceOf();
    await (await look()).check();
    assert.equal(fenceOf(), before);
  });

  it('is raised by the first claim and checked by the others', async () => {
    const before = fenceOf();
    const fence = await look();
    await fence.claim('pr-2', uid);
    await fence.claim('pr-2', uid);
    await fence.check();
    assert.equal(fenceOf(), before + 1);
  });

  it('F2 stops whoever claimed before another did', async () => {
    const loser = await look();
    await loser.claim('pr-2', uid);
    const winner = await look();
    await winner.claim('pr-2', uid);
    await assert.rejects(loser.claim('pr-2', uid), FencedError);
    await assert.rejects(loser.check(), FencedError);
    await winner.check();
  });

  it('F2 stops whoever looked before another claimed, though it has claimed nothing itself', async () => {
    const [loser, winner] = [await look(), await look()];
    await winner.claim('pr-2', uid);
    await assert.rejects(loser.check(), FencedError);
    await assert.rejects(loser.claim('pr-2', uid), FencedError);
    await winner.check();
  });

  it('F2 stops whoever looked before another made the namespace and claimed it', async () => {
    const other = { repositoryId: 1, number: 3 };
    const [loser, winner] = await Promise.all([1, 2].map(() => lookAtFence(cluster, other, signal)));
    const made = cluster.world.add('pr-3', other);
    await loser?.check();
    await winner?.claim('pr-3', made.uid);
    await assert.rejects(async () => loser?.check(), FencedError);
    await assert.rejects(async () => loser?.claim('pr-3', made.uid), FencedError);
  });

  it('cannot be had of a namespace that is gone', async () => {
    const fence = await look();
    await assert.rejects(fence.claim('pr-3', 'other'), FencedError);
  });

  it('lets go of a namespace that was deleted, and claims the next', async () => {
    const fence = await look();
    await fence.claim('pr-2', uid);
    cluster.world.terminate(cluster.world.namespace('pr-2'));
    fence.release();
    await cluster.namespaceGone('pr-2', uid, signal);
    await fence.check();
    const next = cluster.world.add('pr-2', key);
    await fence.claim('pr-2', next.uid);
    await fence.check();
  });
});
