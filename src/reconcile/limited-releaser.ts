import type { Releaser } from '../ports.ts';

/** The same releaser with at most `limit` upgrades at once, first come first served: each is a process with an appetite. */
export function limitedReleaser(limit: number, releaser: Releaser): Releaser {
  let running = 0;
  const waiting: (() => void)[] = [];

  /** Whether there was anything to wait for. */
  async function enter(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (running < limit) {
      running += 1;
      return false;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(proceed), 1);
        reject(signal.reason);
      };
      // Whoever ends hands its place on, so `running` stays as it is.
      const proceed = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(proceed);
    });
    return true;
  }

  function exit(): void {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }

  return {
    async upgrade(request, signal) {
      const hasWaited = await enter(signal);
      try {
        if (hasWaited) await request.confirm?.();
        return await releaser.upgrade(request, signal);
      } finally {
        exit();
      }
    },
    unlock: (namespace, signal) => releaser.unlock(namespace, signal),
    uninstall: (namespace, timeoutMs, signal) => releaser.uninstall(namespace, timeoutMs, signal),
  };
}
