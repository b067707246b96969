/** What operators watch, as Prometheus reads it. `docs/operating.md` lists every metric. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { buildMetrics } from './metrics/builds.ts';
import { githubMetrics } from './metrics/github.ts';
import { type LookedAt, lookedAtMetrics } from './metrics/looked-at.ts';
import { previewMetrics } from './metrics/previews.ts';
import { requestMetrics } from './metrics/requests.ts';
import type { Telemetry } from './telemetry.ts';

export interface Metrics {
  readonly telemetry: Telemetry;
  /** Of what `text` gives. */
  readonly contentType: string;
  /** Every metric as it is now, within about a second, whatever is wrong with what is looked at. */
  text(): Promise<string>;
}

export interface MetricsOptions extends LookedAt {
  /** Of Berth. */
  readonly version?: string;
}

/** Counts from now on, in a registry of its own, figures of this process included. `now` gives milliseconds since the epoch. */
export function openMetrics(now: () => number, { version = 'unknown', ...lookedAt }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'berth_build_info',
    help: 'Always 1; the version of Berth is in the label.',
    labelNames: ['version'],
    registers,
  });
  info.set({ version }, 1);
  const look = lookedAtMetrics(registers, lookedAt);
  return {
    telemetry: {
      ...previewMetrics(registers, now),
      ...buildMetrics(registers),
      ...githubMetrics(registers, now),
      ...requestMetrics(registers),
    },
    contentType: registry.contentType,
    async text() {
      await look();
      return registry.metrics();
    },
  };
}
