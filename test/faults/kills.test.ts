/** SIGKILL at every point where a reconcile or a build waits for the outside; the points are counted, not listed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { Around } from './interposed.ts';
import { type FaultWorld, faultWorld } from './world.ts';

interface Story {
  readonly name: string;
  /** What happened before, with a worker that lives. */
  readonly before: readonly ((world: FaultWorld, key: PreviewKey) => void)[];
  act(world: FaultWorld, key: PreviewKey): void;
  /** How many namespaces there are in the end. */
  readonly namespaces: number;
}

const nothing = () => undefined;
const close = (world: FaultWorld, key: PreviewKey) => world.forge.people.change(key, { state: 'closed' });
const reopen = (world: FaultWorld, key: PreviewKey) => world.forge.people.change(key, { state: 'open' });
function push(world: FaultWorld, key: PreviewKey): void {
  const { repositoryId } = key;
  const revision = world.code.commit(repositoryId, { fate: 'ready', variant: 2 });
  world.forge.people.change(key, { head: { revision, branch: 'topic', repositoryId } });
}

const stories: readonly Story[] = [
  { name: 'a first push', before: [], act: nothing, namespaces: 1 },
  { name: 'a push', before: [nothing], act: push, namespaces: 1 },
  { name: 'a removal', before: [nothing], act: close, namespaces: 0 },
  { name: 'a reopening', before: [nothing, close], act: reopen, namespaces: 1 },
  {
    name: 'a removal with delete hooks',
    before: [(world) => world.releaser.deleteHooks(true)],
    act: close,
    namespaces: 0,
  },
];

type When = 'before' | 'after';

/** How the story ends when its worker is killed at the call of that number; `calls` is how many there were until then. */
async function endOf({ before, act }: Story, killedAt: number, when: When) {
  const world = faultWorld();
  const repository = world.forge.people.addRepository('acme', 'shop');
  const { key } = world.openPullRequest(repository, { fate: 'ready', variant: 1 });
  const healthy: Around = (_, effect) => effect();
  for (const step of before) {
    step(world, key);
    const worker = await world.startWorker(healthy);
    await world.queue.trigger(key);
    await world.drain();
    await worker.stop();
  }
  act(world, key);
  let calls = 0;
  let victimsCall = 'none';
  const victim = await world.startWorker(async (call, effect) => {
    calls += 1;
    if (calls !== killedAt) return effect();
    victimsCall = call.name;
    if (when === 'after') await effect();
    victim.kill();
    await world.startWorker(healthy);
    throw new Error('killed');
  });
  await world.queue.trigger(key);
  await world.drain();
  return { calls, victimsCall, picture: await pictureOf(world, key) };
}

/** What the world looks like to people, without numbers that only count attempts. */
async function pictureOf(world: FaultWorld, key: PreviewKey) {
  const namespaces = world.namespaces(key);
  const name = namespaces[0]?.name ?? '';
  return structuredClone({
    namespaces: namespaces.map(({ uid, prepared, terminating, revision, record, deployed, helm, workloads }) => ({
      prepared,
      terminating,
      revision,
      plan: record?.planDigest,
      outcome: record?.outcome,
      deployed,
      helm: helm.at(-1)?.status,
      workloads,
      image: world.running.get(uid),
    })),
    comment: world.forge.comment(key),
    deployments: world.forge.deployments(key).map(({ revision, state }) => ({ revision, state })),
    status: await world.ports.store.status(name),
    waitingFor: await world.ports.queue.waitingFor(key),
    delayed: [...world.queue.delayed.keys()],
    strayWrites: world.strayWrites,
  });
}

/** More calls than any story makes. */
const enough = 500;

describe('SIGKILL', () => {
  for (const story of stories) {
    for (const when of ['before', 'after'] as const) {
      it(`F1 ${when} any call of ${story.name} changes nothing of where it ends`, async (test) => {
        const undisturbed = await endOf(story, Infinity, when);
        assert.ok(undisturbed.calls > 5 && undisturbed.calls < enough);
        assert.equal(undisturbed.picture.namespaces.length, story.namespaces);
        let killedAt = 1;
        for (; ; killedAt += 1) {
          const { picture, victimsCall } = await endOf(story, killedAt, when);
          assert.deepEqual(picture, undisturbed.picture, `killed ${when} call ${killedAt}, ${victimsCall}`);
          if (victimsCall === 'none') break;
        }
        test.diagnostic(`killed at ${killedAt - 1} points`);
      });
    }
  }
});
