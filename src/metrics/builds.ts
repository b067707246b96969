/** Images and releases. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { buildOutcomes, helmOutcomes, type Telemetry } from '../telemetry.ts';
import { seconds, workBuckets } from './durations.ts';

export function buildMetrics(registers: Registry[]): Pick<Telemetry, 'imageNeeded' | 'built' | 'helmRan'> {
  const buckets = [...workBuckets];
  const images = new Counter({
    name: 'berth_images_needed_total',
    help:
      'Images that a new revision needed, by whether the registry had their content already (hit: no build) or they had to be ' +
      'built (miss). Images that are built elsewhere are left out.',
    labelNames: ['registry'],
    registers,
  });
  const builds = new Histogram({
    name: 'berth_build_duration_seconds',
    help:
      'Duration of builds, fetching the code and pushing included, by outcome: built, refused (the repository is at fault), stopped ' +
      '(nobody wants it any more), failed (outage or defect; tried again).',
    labelNames: ['outcome'],
    buckets,
    registers,
  });
  const helm = new Histogram({
    name: 'berth_helm_duration_seconds',
    help: 'Duration of Helm runs by operation and outcome: done, refused (the chart is at fault), stopped, failed (outage or defect).',
    labelNames: ['operation', 'outcome'],
    buckets,
    registers,
  });
  for (const registry of ['hit', 'miss']) images.inc({ registry }, 0);
  for (const outcome of buildOutcomes) builds.zero({ outcome });
  for (const outcome of helmOutcomes) helm.zero({ operation: 'upgrade', outcome });
  return {
    imageNeeded: (isThere) => images.inc({ registry: isThere ? 'hit' : 'miss' }),
    built: (outcome, durationMs) => builds.observe({ outcome }, seconds(durationMs)),
    helmRan: (operation, outcome, durationMs) => helm.observe({ operation, outcome }, seconds(durationMs)),
  };
}
