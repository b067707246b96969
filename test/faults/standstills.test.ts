/** A program that stands still at any point where it waits for the outside, for longer than its lock holds. */
import { close, describeInterruptions, healthy, type Interruption, nothing, push, type Scene } from './stories.ts';

/** Stands still for longer than its lock holds; others take over, and have done their work when it goes on. */
async function outlived({ world, worker }: Scene): Promise<void> {
  worker.suspend();
  world.queue.loseLocks();
  await world.startWorker(healthy);
}

describeInterruptions(
  [nothing, push, close].flatMap((meanwhile): Interruption[] => {
    const change = { [push.name]: ', and a push', [close.name]: ', and a closing' }[meanwhile.name] ?? '';
    return [
      {
        name: `F2 a standstill before it${change}`,
        meanwhile,
        async happen(scene) {
          await outlived(scene);
          return scene.carryOut();
        },
      },
      {
        name: `F2 a standstill after it${change}`,
        meanwhile,
        async happen(scene) {
          const answer = await scene.carryOut();
          await outlived(scene);
          return answer;
        },
      },
    ];
  }),
);
