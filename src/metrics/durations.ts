/** Buckets of histograms, in seconds: from what is quick to what somebody would ask about. */

/** What a program answers. */
export const answerBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** What people wait for. */
export const workBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600] as const;

export function seconds(ms: number): number {
  return ms / 1_000;
}
