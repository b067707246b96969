import type { BuildOutcome, LeakKind, PassOutcome, Stage, Swept, Telemetry } from '../../src/telemetry.ts';

export interface FakeTelemetry extends Telemetry {
  /** How many of each kind were reclaimed. */
  readonly reclaims: ReadonlyMap<LeakKind, number>;
  /** What each sweep has seen; `undefined` for one that failed. */
  readonly sweeps: readonly (Swept | undefined)[];
  /** Stages in the order in which they were reached, with how long after the event. */
  readonly stages: readonly { readonly stage: Stage; readonly afterMs: number }[];
  readonly passes: readonly PassOutcome[];
  readonly builds: readonly BuildOutcome[];
  /** Whether each image that was needed was there. */
  readonly images: readonly boolean[];
  /** Everything that has to do with requests and other programs, in order: what it was, and how it ended. */
  readonly others: readonly (readonly [string, ...unknown[]])[];
}

/** `Telemetry` that remembers. */
export function fakeTelemetry(): FakeTelemetry {
  const reclaims = new Map<LeakKind, number>();
  const sweeps: (Swept | undefined)[] = [];
  const reachedStages: { readonly stage: Stage; readonly afterMs: number }[] = [];
  const passes: PassOutcome[] = [];
  const builds: BuildOutcome[] = [];
  const images: boolean[] = [];
  const others: (readonly [string, ...unknown[]])[] = [];
  return {
    reclaims,
    sweeps,
    stages: reachedStages,
    passes,
    builds,
    images,
    others,
    reclaimed(kind, count = 1) {
      reclaims.set(kind, (reclaims.get(kind) ?? 0) + count);
    },
    swept: (outcome) => void sweeps.push(outcome),
    reached: (stage, afterMs) => void reachedStages.push({ stage, afterMs }),
    passed: (outcome) => void passes.push(outcome),
    built: (outcome) => void builds.push(outcome),
    imageNeeded: (isThere) => void images.push(isThere),
    stepped: () => undefined,
    helmRan: (operation, outcome) => void others.push(['helm', operation, outcome]),
    forgeAsked: (outcome) => void others.push(['asked', outcome]),
    forgeBudget: (caller, { limit, remaining }) => void others.push(['budget', caller, limit, remaining]),
    delivered: (event, statusCode) => void others.push(['delivered', event, statusCode]),
    refused: (statusCode) => void others.push(['refused', statusCode]),
    visited: (outcome, waitMs) => void others.push(['visited', outcome, waitMs !== undefined]),
  };
}
