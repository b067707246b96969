/** Where stories end that are interrupted: as they end without it. */
import assert from 'node:assert/strict';
import type { PreviewKey } from '../../src/domain/preview.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import type { Around } from './interposed.ts';
import { healthy, type Interruption, interruptions, standstills } from './interruptions.ts';
import { assertInvariants } from './invariants.ts';
import { followed } from './points.ts';
import { close, stories, type Story } from './stories.ts';
import { type FaultWorld, faultWorld, settings } from './world.ts';
import type { Worker } from './workers.ts';

const { signal } = new AbortController();

/** At how many of how many calls it was interrupted. */
export interface Tried {
  readonly points: number;
  readonly calls: number;
}

/** Interrupts the story at every point where it may matter. @throws when it ends otherwise than without. */
export async function endsAlike(interruptionName: string, storyName: string): Promise<Tried> {
  const interruption = [...interruptions, ...standstills].find(({ name }) => name === interruptionName);
  const story = stories.find(({ name }) => name === storyName);
  assert.ok(interruption && story);
  const undisturbed = await begun(story);
  const { around, points } = followed(undisturbed.world);
  await told(undisturbed, interruption, await undisturbed.world.startWorker(around));
  const calls = points();
  await swept(undisturbed, interruption);
  const picture = await pictureOf(undisturbed);
  await assertInvariants(undisturbed.world, [undisturbed.key]);
  assert.deepEqual([...undisturbed.world.telemetry.reclaims], [], 'nothing is reclaimed');
  assert.ok(calls.length > 5);
  let tried = 0;
  for (const [index, point] of calls.entries()) {
    if (!interruption.matters(point)) continue;
    tried += 1;
    const end = await endOf(story, interruption, index);
    const when = `${interruption.name}, call ${index + 1}: ${end.interrupted}`;
    try {
      assert.equal(end.interrupted, point.name, 'until then, it goes as without');
      await assertInvariants(end.world, [end.key]);
      // What was closed before anything was said needs no last word.
      if (interruption.meanwhile !== close) assert.deepEqual(await pictureOf(end), picture);
    } catch (error) {
      throw new Error(`${when}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return { points: tried, calls: calls.length };
}

interface Scenery {
  readonly world: FaultWorld;
  readonly key: PreviewKey;
}

/** The world when the story begins. */
async function begun({ before, act, isFork }: Story): Promise<Scenery> {
  const world = faultWorld();
  const repository = world.addRepository('shop');
  const { key } = world.openPullRequest(repository, { fate: 'ready', variant: 1 }, isFork && 77);
  for (const step of before) {
    step(world, key);
    const worker = await world.startWorker(healthy);
    await world.queue.trigger(key);
    await world.drain();
    await worker.stop();
  }
  act(world, key);
  return { world, key };
}

/** How the story ends when it is interrupted at the call of that number, and which call that was. */
async function endOf(story: Story, interruption: Interruption, at: number) {
  const { world, key } = await begun(story);
  let calls = 0;
  let interrupted: string | undefined;
  const around: Around = async (call, carryOut) => {
    calls += 1;
    if (calls !== at + 1) return carryOut();
    interrupted = call.name;
    return interruption.happen({ world, key, worker, carryOut });
  };
  const worker = await world.startWorker(around);
  await told({ world, key }, interruption, worker);
  await swept({ world, key }, interruption);
  return { world, key, interrupted };
}

async function told({ world, key }: Scenery, { meanwhile }: Interruption, worker: Worker): Promise<void> {
  await world.queue.trigger(key);
  if (meanwhile) {
    await othersAreDone(world);
    meanwhile(world, key);
    await world.queue.trigger(key);
    await othersAreDone(world);
    worker.resume();
  }
  await world.drain();
}

async function swept({ world, key }: Scenery, { needsSweep }: Interruption): Promise<void> {
  if (!needsSweep) return;
  await sweep(world.ports, signal);
  await world.drain();
  // What is said to visitors may have been lost after it was written; it comes back when the preview is looked at again.
  await assertInvariants(world, [key]);
  await world.clock.advance(settings.limits.resyncIntervalMs);
  await sweep(world.ports, signal);
  await world.drain();
}

/** Everybody but the one that stands still. */
async function othersAreDone({ clock, turns, queue }: FaultWorld): Promise<void> {
  for (let passedMs = 0; passedMs < 60_000; passedMs += 2_000) {
    await turns(3);
    if (queue.isIdle && queue.delayed.size === 0 && passedMs >= 4_000) return;
    await clock.advance(2_000);
  }
}

/** What the world looks like to people, without numbers that only count attempts. */
async function pictureOf({ world, key }: Scenery) {
  const namespaces = world.namespaces(key);
  return structuredClone({
    namespaces: namespaces.map(({ uid, preparedFor, terminating, revision, record, deployed, helm, workloads }) => ({
      preparedFor,
      terminating,
      revision,
      plan: record?.planDigest,
      outcome: record?.outcome,
      deployed,
      helm: helm.at(-1)?.status,
      workloads,
      image: world.pods.running.get(uid),
    })),
    comments: world.forge.comments(key),
    // As with deployments below.
    approvals: world.forge
      .approvals(key)
      .filter(({ revision }) => revision === world.forge.current(key)?.head.revision),
    // Those of revisions that were overtaken may never have been begun.
    deployments: world.forge
      .deployments(key)
      .filter(({ state }) => state !== 'inactive')
      .map(({ revision, state }) => ({ revision, state })),
    status: await world.ports.store.status(namespaces[0]?.name ?? ''),
  });
}
