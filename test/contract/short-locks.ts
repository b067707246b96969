/** Settings with which a worker's death is noticed within two seconds. */
export const shortLocks = { lockMs: 1_000, lockCheckMs: 500, firstRetryMs: 200, closeTimeoutMs: 2_000 } as const;
