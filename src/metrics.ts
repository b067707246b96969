/** What operators watch, as Prometheus reads it. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { leakKinds, type Telemetry } from './ports.ts';

export interface Metrics {
  readonly telemetry: Telemetry;
  /** Of what `text` gives. */
  readonly contentType: string;
  /** Every metric as it is now. */
  text(): Promise<string>;
}

/** Counts from now on, in a registry of its own, figures of this process included. `now` gives milliseconds since the epoch. */
export function openMetrics(now: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const reclaims = new Counter({
    name: 'berth_reclaims_total',
    help: 'What was lost or left behind, found, and put right. Each but an image is a defect to look into: the log says what.',
    labelNames: ['kind'],
    registers,
  });
  const sweeps = new Counter({
    name: 'berth_sweeps_total',
    help: 'Sweeps that this process has ended.',
    labelNames: ['outcome'],
    registers,
  });
  const lastSweep = new Gauge({
    name: 'berth_sweep_last_success_timestamp_seconds',
    help: 'When this process last finished a sweep; 0 before the first. One process of all sweeps: look at the highest.',
    registers,
  });
  const seen = new Gauge({
    name: 'berth_sweep_seen',
    help: 'What the last sweep of this process has seen: open pull requests, namespaces, and terminating ones of these.',
    labelNames: ['what'],
    registers,
  });
  const triggers = new Counter({
    name: 'berth_sweep_triggers_total',
    help: 'Previews that a sweep of this process found not to be as last settled.',
    registers,
  });
  // A kind that has never happened is there at 0, so that its first time is an increase that an alert can see.
  for (const kind of leakKinds) reclaims.inc({ kind }, 0);
  for (const outcome of ['finished', 'failed']) sweeps.inc({ outcome }, 0);
  return {
    telemetry: {
      reclaimed: (kind, count = 1) => reclaims.inc({ kind }, count),
      swept(outcome) {
        sweeps.inc({ outcome: outcome ? 'finished' : 'failed' });
        if (!outcome) return;
        lastSweep.set(now() / 1000);
        triggers.inc(outcome.triggered);
        for (const what of ['open', 'namespaces', 'terminating'] as const) seen.set({ what }, outcome[what]);
      },
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
