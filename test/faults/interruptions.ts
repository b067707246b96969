/** What can happen to a program at every point where it waits for the outside; the points are counted, not listed. */
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { Around } from './interposed.ts';
import { type Point, changes, isRedis } from './points.ts';
import { type Change, close, nothing, push } from './stories.ts';
import type { Worker } from './workers.ts';
import type { FaultWorld } from './world.ts';

/** What happens at one call of a worker: `carryOut` has its effect. */
interface Scene {
  readonly world: FaultWorld;
  readonly key: PreviewKey;
  readonly worker: Worker;
  carryOut(): Promise<unknown>;
}

export interface Interruption {
  readonly name: string;
  /** The points at which it is tried: those at which it may make a difference that it makes at no other. */
  readonly matters: (point: Point) => boolean;
  /** @returns the call's answer. */
  happen(scene: Scene): Promise<unknown>;
  /** What the people do once the others are done, before the one that was interrupted goes on. */
  readonly meanwhile?: Change;
  /** Whether only the sweep can find what was lost. */
  readonly needsSweep?: true;
}

export const healthy: Around = (_, effect) => effect();

export const interruptions: readonly Interruption[] = [
  {
    name: 'F1 killed before it',
    matters: () => true,
    happen: killed,
  },
  {
    name: 'F1 killed after it',
    matters: () => true,
    async happen(scene) {
      await scene.carryOut();
      return killed(scene);
    },
  },
  { name: 'G8 an answer of 503 to it', matters: () => true, happen: () => Promise.reject(new Error('503')) },
  // Of what only looks, the answer may as well have been 503.
  {
    name: 'G8 no answer after it was done',
    matters: ({ name }) => changes(name),
    async happen({ carryOut }) {
      await carryOut();
      throw new Error('timeout');
    },
  },
  // What has nothing to do with Redis is the same with an empty one.
  {
    name: 'F4 Redis emptied before it',
    matters: ({ name, isFirst }) => isRedis(name) || isFirst,
    needsSweep: true,
    happen({ world, carryOut }) {
      world.emptyRedis();
      return carryOut();
    },
  },
  {
    name: 'F4 Redis emptied after it',
    matters: ({ name }) => isRedis(name),
    needsSweep: true,
    async happen({ world, carryOut }) {
      const answer = await carryOut();
      world.emptyRedis();
      return answer;
    },
  },
];

/** A program that stands still for longer than its lock holds. */
export const standstills: readonly Interruption[] = [nothing, push, close].flatMap((meanwhile): Interruption[] => {
  const change = { [push.name]: ', and a push', [close.name]: ', and a closing' }[meanwhile.name] ?? '';
  return [
    {
      name: `F2 a standstill before it${change}`,
      matters: () => true,
      meanwhile,
      async happen(scene) {
        await outlived(scene);
        return scene.carryOut();
      },
    },
    // With an answer that it does nothing with but to make the next call, it may as well stand still before that one.
    {
      name: `F2 a standstill after it${change}`,
      matters: ({ isFollowed }) => !isFollowed,
      meanwhile,
      async happen(scene) {
        const answer = await scene.carryOut();
        await outlived(scene);
        return answer;
      },
    },
  ];
});

async function killed({ world, worker }: Scene): Promise<never> {
  worker.kill();
  await world.startWorker(healthy);
  throw new Error('killed');
}

/** Stands still for longer than its lock holds; others take over, and have done their work when it goes on. */
async function outlived({ world, worker }: Scene): Promise<void> {
  worker.suspend();
  world.queue.loseLocks();
  await world.startWorker(healthy);
}
