/** What can happen to a program at every point where it waits for the outside; the points are counted, not listed. */
import { describeInterruptions, healthy, type Scene } from './stories.ts';

async function killed({ world, worker }: Scene): Promise<never> {
  worker.kill();
  await world.startWorker(healthy);
  throw new Error('killed');
}

describeInterruptions([
  { name: 'F1 killed before it', happen: killed },
  {
    name: 'F1 killed after it',
    async happen(scene) {
      await scene.carryOut();
      return killed(scene);
    },
  },
  { name: 'G8 an answer of 503 to it', happen: () => Promise.reject(new Error('503')) },
  {
    name: 'G8 no answer after it was done',
    async happen({ carryOut }) {
      await carryOut();
      throw new Error('timeout');
    },
  },
  {
    name: 'F4 Redis emptied before it',
    needsSweep: true,
    happen({ world, carryOut }) {
      world.emptyRedis();
      return carryOut();
    },
  },
  {
    name: 'F4 Redis emptied after it',
    needsSweep: true,
    async happen({ world, carryOut }) {
      const answer = await carryOut();
      world.emptyRedis();
      return answer;
    },
  },
]);
