/**
 * Long work in a thread of its own. node:test follows every promise of its thread, so as to know which test an error belongs to; in a world
 * in memory, which makes millions of them, that took more than half of the time.
 */
import { once } from 'node:events';
import { after } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Answer, Tasks } from './thread.ts';

/** Does one of the tasks in the thread, one after the other. @throws what the task throws. */
export type Apart = <Name extends keyof Tasks>(name: Name, ...args: Parameters<Tasks[Name]>) => Promise<Result<Name>>;

type Result<Name extends keyof Tasks> = Awaited<ReturnType<Tasks[Name]>>;

/** For the tests of one file: the thread begins with the first task, and ends when all tests of the file are through. */
export function apart(): Apart {
  let thread: Worker | undefined;
  after(() => thread?.terminate());
  return async <Name extends keyof Tasks>(name: Name, ...args: Parameters<Tasks[Name]>): Promise<Result<Name>> => {
    thread ??= new Worker(new URL('thread.ts', import.meta.url));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.postMessage({ name, args });
    const [answer] = (await once(thread, 'message')) as [Answer];
    if ('error' in answer) throw answer.error;
    return answer.value as Result<Name>;
  };
}
