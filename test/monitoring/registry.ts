/** What Berth has to show, as Prometheus names it. */
import { openMetrics } from '../../src/metrics.ts';
import { livePhases } from '../../src/telemetry.ts';

/** The text of `/metrics` after something of everything has happened. */
export async function metricsText(): Promise<string> {
  const load = { waiting: 1, waitingMs: 1_000, active: 1, activeMs: 1_000, delayed: 0 };
  const { telemetry, text } = openMetrics(() => 0, {
    version: '1.2.3',
    queues: async () => ['previews', 'builds'].map((queue) => ({ queue, ...load })),
    dependencies: { redis: async () => undefined, kubernetes: async () => undefined },
  });
  const phases = Object.fromEntries(livePhases.map((phase) => [phase, 1])) as Record<
    (typeof livePhases)[number],
    number
  >;
  telemetry.swept({ open: 1, namespaces: 1, terminating: 1, stuck: 0, triggered: 1, phases });
  telemetry.reached('ready', 1_000);
  telemetry.passed('settled', 1_000);
  telemetry.stepped('upgrade release', 1_000);
  telemetry.imageNeeded(true);
  telemetry.built('built', 1_000);
  telemetry.helmRan('upgrade', 'done', 1_000);
  telemetry.forgeAsked('unchanged', 100);
  telemetry.forgeBudget('installation 1', { limit: 5_000, remaining: 4_000, resetAt: 1_000 });
  telemetry.delivered('pull_request', 202, 5);
  telemetry.refused(404);
  telemetry.visited('served', 5);
  return text();
}

export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every metric in the text, by name. */
export function metricsIn(text: string): readonly Metric[] {
  const lines = text.split('\n');
  return lines
    .filter((line) => line.startsWith('# TYPE '))
    .map((line) => {
      const [, , name = '', type = ''] = line.split(' ');
      const help = lines.find((each) => each.startsWith(`# HELP ${name} `))?.slice(`# HELP ${name} `.length) ?? '';
      const sample = lines.find((each) => new RegExp(`^${name}(_bucket)?\\{`).test(each)) ?? '';
      const labels = [...sample.matchAll(/([a-z_]+)="/g)]
        .map(([, label = '']) => label)
        .filter((label) => label !== 'le');
      return { name, type, help, labels };
    });
}

/** Names of everything that can be asked for. */
export function seriesNames(metrics: readonly Metric[]): ReadonlySet<string> {
  return new Set(
    metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  );
}
