import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs `work` while no other process on this machine holds the lock of that name.
 *
 * The lock is a socket in Linux's abstract namespace: the kernel gives it back however its holder dies, so there is
 * no stale lock file to judge.
 */
export async function withLock<T>(name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  let told = false;
  for (;;) {
    const release = await tryLock(name);
    if (release) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    if (!told) onWait();
    told = true;
    await delay(200);
  }
}

/** Takes the lock and gives what releases it; `undefined` when another holds it. */
function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(new Error(`taking the lock ${name}`, { cause: error }));
    });
    server.listen(`\0${name}`, () => resolve(() => server.close()));
  });
}
