/** Prometheus' own judgement of the alert rules, over figures and times of a test's choice. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { withLock } from '../../deploy/local/lock.ts';
import { placesIn } from '../../deploy/local/places.ts';
import { promtool as findPromtool } from '../../deploy/local/prometheus.ts';
import { run } from '../../deploy/local/run.ts';

export const rulesFile = fileURLToPath(new URL('../../charts/berth/files/alerts.yaml', import.meta.url));
export const dashboardFile = fileURLToPath(new URL('../../charts/berth/files/dashboard.json', import.meta.url));

/** Values by the minute, in Prometheus' own notation, by series. */
export type Series = Readonly<Record<string, string>>;

/** Runs promtool; rejects with what it said when it says no. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const program = await withLock(
    'berth-promtool',
    () => undefined,
    () => findPromtool(placesIn(process.env)),
  );
  return run([program, ...args], { timeoutMs: 60_000 });
}

/** What promtool says of `text` as its standard input. @throws when it does not like it. */
export async function checkMetrics(text: string): Promise<string> {
  const program = await findPromtool(placesIn(process.env));
  return run([program, 'check', 'metrics'], { input: text, timeoutMs: 60_000 });
}

/** What Prometheus is to find of an alert in minutes of a history. */
export interface Judgement {
  readonly alert: string;
  readonly series: Series;
  readonly quietAt?: number;
  readonly firingAt?: number;
}

/** Checks all of them at once, each in a Prometheus of its own. @throws what promtool found instead. */
export async function assertAlerts(judgements: readonly Judgement[]): Promise<void> {
  await testRules(
    judgements.map(({ alert, series, quietAt, firingAt }) => ({
      interval: '1m',
      input_series: inputOf(series),
      promql_expr_test: [
        { minute: quietAt, value: 0 },
        { minute: firingAt, value: 1 },
      ].flatMap(({ minute, value }) =>
        minute === undefined
          ? []
          : {
              expr: `sum(ALERTS{alertname="${alert}", alertstate="firing"} > bool 0) > bool 0 or vector(0)`,
              eval_time: `${minute}m`,
              exp_samples: [{ labels: '{}', value }],
            },
      ),
    })),
  );
}

function inputOf(series: Series) {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }));
}

async function testRules(tests: readonly object[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-promtool-'));
  try {
    const file = join(folder, 'test.yaml');
    await writeFile(file, stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }, { lineWidth: 0 }));
    await promtool('test', 'rules', file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Checks that every query finds something in that minute. @throws what promtool found instead. */
export async function assertFound(queries: readonly string[], series: Series, minute: number): Promise<void> {
  const promql_expr_test = queries.map((query) => ({
    expr: `count(${query}) > bool 0`,
    eval_time: `${minute}m`,
    exp_samples: [{ labels: '{}', value: 1 }],
  }));
  await testRules([{ interval: '1m', input_series: inputOf(series), promql_expr_test }]);
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The rules as they are written. */
export async function rulesIn(file: string): Promise<readonly Rule[]> {
  const { groups } = parse(await readFile(file, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}
