import type { LeakKind, Swept, Telemetry } from '../../src/ports.ts';

export interface FakeTelemetry extends Telemetry {
  /** How many of each kind were reclaimed. */
  readonly reclaims: ReadonlyMap<LeakKind, number>;
  /** What each sweep has seen; `undefined` for one that failed. */
  readonly sweeps: readonly (Swept | undefined)[];
}

/** `Telemetry` that remembers. */
export function fakeTelemetry(): FakeTelemetry {
  const reclaims = new Map<LeakKind, number>();
  const sweeps: (Swept | undefined)[] = [];
  return {
    reclaims,
    sweeps,
    reclaimed(kind, count = 1) {
      reclaims.set(kind, (reclaims.get(kind) ?? 0) + count);
    },
    swept: (outcome) => void sweeps.push(outcome),
  };
}
