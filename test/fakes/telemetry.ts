import type { LeakKind, Telemetry } from '../../src/ports.ts';

export interface FakeTelemetry extends Telemetry {
  /** How many of each kind were reclaimed. */
  readonly reclaims: ReadonlyMap<LeakKind, number>;
}

/** `Telemetry` that remembers. */
export function fakeTelemetry(): FakeTelemetry {
  const reclaims = new Map<LeakKind, number>();
  return {
    reclaims,
    reclaimed(kind, count = 1) {
      reclaims.set(kind, (reclaims.get(kind) ?? 0) + count);
    },
  };
}
