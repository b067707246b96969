import type { Logger } from 'pino';

// Often enough to see that it lasts.
const quietMs = 30_000;

/**
 * Logs what goes wrong in a loop that tries again several times a second: the first time at once, then once in a while with
 * how often it happened since.
 */
export function troubleLog(log: Logger, message: string, now: () => number = Date.now): (error: Error) => void {
  let quietUntil = -Infinity;
  let leftOut = 0;
  return (error) => {
    if (now() < quietUntil) {
      leftOut += 1;
      return;
    }
    // Not the error as a whole: ioredis adds the command to it, with a whole script and its arguments.
    log.warn({ reason: error.message, leftOut }, message);
    quietUntil = now() + quietMs;
    leftOut = 0;
  };
}
