import type { TriggeredBy } from '../ports.ts';
import type { LeakKind } from '../telemetry.ts';
import type { Ports } from './ports.ts';

/** Counts what a pass has removed, if it was lost before. */
export type ReclaimCounter = (kind: LeakKind, count?: number) => void;

/** The counter of one pass: what nobody has told us of has been lost; what an event asked for has not. */
export function reclaimCounter({ telemetry, log }: Pick<Ports, 'telemetry' | 'log'>, by: TriggeredBy): ReclaimCounter {
  return (kind, count = 1) => {
    if (by !== 'sweep' || count === 0) return;
    telemetry.reclaimed(kind, count);
    log.warn({ kind, count }, 'reclaimed');
  };
}
