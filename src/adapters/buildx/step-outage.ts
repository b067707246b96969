/**
 * Whether a step of the Dockerfile failed for a reason that may pass by itself, though the Dockerfile named it. Pure. The ends of errors
 * decide: what stands before may quote the author.
 * @param instruction as in the Dockerfile, e.g. `ADD https://example.com/x /y`.
 * @param error what BuildKit says about the step.
 */
export function isOutage(instruction: string, error: string): boolean {
  if (stopped.test(error) || machine.test(error) || isLostLayer(error)) return true;
  return /^ADD\s.*\bhttps?:\/\//s.test(instruction) && (busy.test(error) || unanswered.test(error));
}

/** The daemon or our connection to it ended, and the step with it. A step ended for another's failure never is the first to fail. */
const stopped = /(?:context canceled|context deadline exceeded|error reading from server: EOF|transport is closing)$/;

/** The machine that builds is at its end. A command that finds this out just exits, like any that fails. */
const machine = /(?:no space left on device|read-only file system|input\/output error|too many open files)$/;

/**
 * Whether BuildKit has lost a layer that it still believes to have. It happens when builds of the same thing run at the same time
 * and one of them is stopped; from then on every build that finds the layer in the cache fails, until one is made without it.
 * Source: github.com/moby/buildkit/pull/6808
 */
export function isLostLayer(error: string): boolean {
  return /\bsnapshot \S+ does not exist: not found$/.test(error);
}

/** What a server says that may well say something else soon. */
const busy = /invalid response status (?:408|425|429|5\d\d)$/;

/** Go's error of a request without an answer. A name that does not exist and a certificate that is wrong are for people. */
const unanswered = /\b(?:Get|Head) "[^"]*": (?!.*(?:no such host|x509:)).*$/s;
