/** What can be set about the queues. */
import { defaultPrefix } from './keys.ts';

export interface QueueOptions {
  /** Of all keys in Redis. */
  readonly prefix: string;
  /** Passes at once in one process; most of them wait. */
  readonly previewConcurrency: number;
  /** Builds at once in one process. */
  readonly buildConcurrency: number;
  /** Builds at once in all processes together. */
  readonly totalBuilds: number;
  /** How often a build is tried before those who wait for it are told what keeps it from being built. */
  readonly buildAttempts: number;
  /** Wait before a failed pass is tried again; doubles with each failure in a row, up to `maxDelayMs`. */
  readonly firstRetryMs: number;
  /** The same for builds, which cost more to try. */
  readonly firstBuildRetryMs: number;
  /** How long a build's failure is remembered. */
  readonly diagnosisTtlMs: number;
  /**
   * A job whose worker is silent for this long goes to another. The work of a worker that was only stopped may then run
   * beside its successor's, which the namespace's fence makes harmless.
   */
  readonly lockMs: number;
  readonly lockCheckMs: number;
  /** How long `close` waits for handlers. */
  readonly closeTimeoutMs: number;
}

export const defaultQueueOptions: QueueOptions = {
  prefix: defaultPrefix,
  previewConcurrency: 50,
  buildConcurrency: 4,
  totalBuilds: 8,
  buildAttempts: 5,
  firstRetryMs: 5,
  firstBuildRetryMs: 1_000,
  diagnosisTtlMs: 3_600_000,
  lockMs: 10_000,
  lockCheckMs: 5_000,
  closeTimeoutMs: 20_000,
};

/**
 * The longest wait, whether after failures or because the outside named a time. A wait is a job of its own, so it could be
 * of any length; but the sweep leaves a preview alone that waits for its next try, and a time that GitHub or a skewed clock
 * named must not silence a preview for longer than its failures may. Who comes back too early is told the time again.
 */
export const maxDelayMs = 15 * 60_000;

/**
 * Wait after so many failures in a row, the last one included. `chance`, from 0 to 1, takes up to a fifth of it away, so
 * that what failed together is not tried together.
 */
export function retryDelayMs(failures: number, firstRetryMs: number, chance: number): number {
  return Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 30), maxDelayMs) * (1 - chance / 5);
}
