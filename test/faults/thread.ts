/** What `apart` starts: does as it is told, and answers. Nothing here may import `node:test`. */
import { parentPort } from 'node:worker_threads';
import { endsAlike } from './endings.ts';
import { firstFailure, runSchedule } from './schedule.ts';

const tasks = { endsAlike, firstFailure, runSchedule };

export type Tasks = typeof tasks;
export type Answer = { readonly value: unknown } | { readonly error: unknown };

interface Request {
  readonly name: keyof Tasks;
  readonly args: readonly unknown[];
}

parentPort?.on('message', ({ name, args }: Request) => {
  const task = tasks[name] as (...args: readonly unknown[]) => Promise<unknown>;
  void task(...args).then(
    (value) => tell({ value }),
    (error: unknown) => tell({ error }),
  );
});

function tell(answer: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer);
}
