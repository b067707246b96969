/** How previews come along, and what is done for them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { leakKinds, livePhases, passOutcomes, stages, type Telemetry } from '../telemetry.ts';
import { seconds, workBuckets } from './durations.ts';

type PreviewTelemetry = Pick<Telemetry, 'reached' | 'passed' | 'stepped' | 'reclaimed' | 'swept'>;

/** `now` gives milliseconds since the epoch. */
export function previewMetrics(registers: Registry[], now: () => number): PreviewTelemetry {
  return { ...passMetrics(registers), ...sweepMetrics(registers, now) };
}

function passMetrics(registers: Registry[]): Pick<PreviewTelemetry, 'reached' | 'passed' | 'stepped'> {
  const buckets = [...workBuckets];
  const stage = new Histogram({
    name: 'berth_preview_stage_seconds',
    help:
      'Time from the webhook to each stage of a preview: started (its turn has come), reported (first word on the pull request), ' +
      'build started, built, deployed (by Helm), ready; removing and removed after a close. Only what webhooks asked for is measured.',
    labelNames: ['stage'],
    buckets,
    registers,
  });
  const pass = new Histogram({
    name: 'berth_pass_duration_seconds',
    help:
      'Duration of looks at one preview, which wait for pods and namespaces, by outcome: settled, waiting (for a build), stalled (a ' +
      'person must change something), superseded, postponed (GitHub named a time), fenced, interrupted, failed (outage or defect).',
    labelNames: ['outcome'],
    buckets,
    registers,
  });
  const step = new Histogram({
    name: 'berth_step_duration_seconds',
    help: 'Duration of the steps that change something, such as "upgrade release" or "delete namespace".',
    labelNames: ['step'],
    buckets,
    registers,
  });
  for (const each of stages) stage.zero({ stage: each });
  for (const outcome of passOutcomes) pass.zero({ outcome });
  return {
    reached: (each, afterMs) => stage.observe({ stage: each }, seconds(afterMs)),
    passed: (outcome, durationMs) => pass.observe({ outcome }, seconds(durationMs)),
    stepped: (each, durationMs) => step.observe({ step: each }, seconds(durationMs)),
  };
}

function sweepMetrics(registers: Registry[], now: () => number): Pick<PreviewTelemetry, 'reclaimed' | 'swept'> {
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
    help:
      'What the last sweep of this process has seen: open pull requests, namespaces, terminating ones of these, and stuck ones, ' +
      'which something holds for longer than removal may take.',
    labelNames: ['what'],
    registers,
  });
  const previews = new Gauge({
    name: 'berth_previews',
    help: 'Previews by phase, as the last sweep of this process has found them reported.',
    labelNames: ['phase'],
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
    reclaimed: (kind, count = 1) => reclaims.inc({ kind }, count),
    swept(outcome) {
      sweeps.inc({ outcome: outcome ? 'finished' : 'failed' });
      if (!outcome) return;
      lastSweep.set(seconds(now()));
      triggers.inc(outcome.triggered);
      for (const what of ['open', 'namespaces', 'terminating', 'stuck'] as const) seen.set({ what }, outcome[what]);
      for (const phase of livePhases) previews.set({ phase }, outcome.phases[phase]);
    },
  };
}
