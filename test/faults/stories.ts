/** What happens to a preview, with something that comes in between at every point where a pass or a build waits for the outside. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PreviewKey } from '../../src/domain/preview.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import type { Around } from './interposed.ts';
import { assertInvariants } from './invariants.ts';
import { type FaultWorld, faultWorld, settings } from './world.ts';
import type { Worker } from './workers.ts';

export type Change = (world: FaultWorld, key: PreviewKey) => void;

interface Story {
  readonly name: string;
  /** What happened before, with a worker that lives. */
  readonly before: readonly Change[];
  readonly act: Change;
  readonly isFork?: true;
}

export const nothing: Change = () => undefined;
export const close: Change = ({ forge }, key) => forge.people.change(key, { state: 'closed' });
const reopen: Change = ({ forge }, key) => forge.people.change(key, { state: 'open' });
/** What a stranger pushes is approved as well, so that it is known where it ends. */
export const push: Change = (world, key) => {
  world.push(key, { fate: 'ready', variant: 2 });
  if (world.forge.current(key)?.head.repositoryId !== key.repositoryId) approve(world, key);
};
const approve: Change = ({ approvals, forge }, key) => {
  approvals.command(key, 'mona', forge.current(key)?.head.revision ?? '');
};
const hook: Change = ({ releaser }) => releaser.deleteHooks(true);
const lock: Change = (world, key) => {
  world.namespaces(key)[0]?.helm.push({ version: 2, status: 'pending-upgrade' });
};

const stories: readonly Story[] = [
  { name: 'a first push', before: [], act: nothing },
  { name: 'a push', before: [nothing], act: push },
  { name: 'a push on a locked release', before: [nothing, lock], act: push },
  { name: 'a removal', before: [nothing], act: close },
  { name: 'a reopening', before: [nothing, close], act: reopen },
  { name: 'a removal with delete hooks', before: [hook], act: close },
  { name: 'a first approval', isFork: true, before: [], act: approve },
  { name: 'an approval', isFork: true, before: [nothing], act: approve },
  { name: 'an approved push', isFork: true, before: [approve], act: push },
  { name: "a removal of a stranger's preview", isFork: true, before: [approve], act: close },
];

const { signal } = new AbortController();
export const healthy: Around = (_, effect) => effect();

/** What happens at one call of a worker: `carryOut` has its effect, `others` are workers that come to help. */
export interface Scene {
  readonly world: FaultWorld;
  readonly key: PreviewKey;
  readonly worker: Worker;
  carryOut(): Promise<unknown>;
}
export interface Interruption {
  readonly name: string;
  /** @returns the call's answer. */
  happen(scene: Scene): Promise<unknown>;
  /** What the people do once the others are done, before the one that was interrupted goes on. */
  readonly meanwhile?: Change;
  /** Whether only the sweep can find what was lost. */
  readonly needsSweep?: true;
}

/** How the story ends when it is interrupted at the call of that number, and which call that was. */
async function endOf({ before, act, isFork }: Story, { happen, meanwhile, needsSweep }: Interruption, at: number) {
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
  let calls = 0;
  let isOver = false;
  let interrupted: string | undefined;
  const worker = await world.startWorker(async (call, carryOut) => {
    calls += 1;
    if (calls !== at || isOver) return carryOut();
    interrupted = call.name;
    return happen({ world, key, worker, carryOut });
  });
  await world.queue.trigger(key);
  if (meanwhile) {
    await othersAreDone(world);
    meanwhile(world, key);
    await world.queue.trigger(key);
    await othersAreDone(world);
    worker.resume();
  }
  await world.drain();
  isOver = true;
  if (needsSweep) {
    await sweep(world.ports, signal);
    await world.drain();
    // What is said to visitors may have been lost after it was written; it comes back when the preview is looked at again.
    await assertInvariants(world, [key]);
    await world.clock.advance(settings.limits.resyncIntervalMs);
    await sweep(world.ports, signal);
    await world.drain();
  }
  return { world, key, calls, interrupted };
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
async function pictureOf({ world, key }: { readonly world: FaultWorld; readonly key: PreviewKey }) {
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

/** More calls than any story makes. */
const enough = 500;

/** A test for each story and interruption: at whatever call it happens, the story ends as without it. */
export function describeInterruptions(interruptions: readonly Interruption[]): void {
  for (const interruption of interruptions) describeInterruption(interruption);
}

function describeInterruption(interruption: Interruption): void {
  describe(`${interruption.name}, at any call`, () => {
    for (const story of stories) {
      it(`${interruption.name}, changes nothing of where ${story.name} ends`, async (test) => {
        const undisturbed = await endOf(story, { ...interruption, happen: ({ carryOut }) => carryOut() }, Infinity);
        const picture = await pictureOf(undisturbed);
        await assertInvariants(undisturbed.world, [undisturbed.key]);
        assert.deepEqual([...undisturbed.world.telemetry.reclaims], [], 'nothing is reclaimed');
        assert.ok(undisturbed.calls > 5 && undisturbed.calls < enough);
        let at = 1;
        for (; ; at += 1) {
          const end = await endOf(story, interruption, at);
          const when = `${interruption.name}, call ${at}: ${end.interrupted}`;
          try {
            await assertInvariants(end.world, [end.key]);
            // What was closed before anything was said needs no last word.
            if (interruption.meanwhile !== close) assert.deepEqual(await pictureOf(end), picture);
          } catch (error) {
            throw new Error(`${when}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
          }
          if (end.interrupted === undefined) break;
        }
        test.diagnostic(`at ${at - 1} points`);
      });
    }
  });
}
