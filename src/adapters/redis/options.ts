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
  /** How often a build is tried before an outage is reported as its failure. */
  readonly buildAttempts: number;
  /** Wait before the first retry; doubles with each one, up to 30 s. */
  readonly firstRetryMs: number;
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
  firstRetryMs: 1_000,
  diagnosisTtlMs: 3_600_000,
  lockMs: 10_000,
  lockCheckMs: 5_000,
  closeTimeoutMs: 20_000,
};

/** Longer horizons belong to the sweep. */
export const maxDelayMs = 30_000;

/** Wait after so many failures in a row, the last one included. */
export function retryDelayMs(failures: number, firstRetryMs: number): number {
  return Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 20), maxDelayMs);
}
