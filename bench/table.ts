/** The results as text for people. */
import type { CaseResult } from './cases.ts';
import type { StartResult } from './start.ts';
import { median } from './statistics.ts';
import type { SweepResult } from './sweeps.ts';
import type { WebhookResult, WebhookResults } from './webhooks.ts';

/** Rows in columns as wide as they need to be: Markdown that is readable as it is. The first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)].join('\n');
}

export function casesTable(cases: readonly CaseResult[]): string {
  return table([
    ['what', 'Berth', 'by hand', 'ratio', 'target', 'is'],
    ...cases.map(({ name, berthMs, byHandMs, ratio, target }) => [
      name,
      seconds(berthMs),
      seconds(byHandMs),
      `${ratio.toFixed(2)} ×`,
      `≤ ${target} ×`,
      ratio <= target ? 'met' : 'missed',
    ]),
  ]);
}

export function webhooksTable({ berth, probot }: WebhookResults): string {
  const row = (
    name: string,
    { p50Ms, p99Ms, maxMs, perSecond, taken, sent, processorMs, memoryMib }: WebhookResult,
  ) => [
    name,
    ...[p50Ms, p99Ms, maxMs].map((ms) => `${ms.toFixed(1)} ms`),
    perSecond.toFixed(0),
    `${taken} of ${sent}`,
    `${processorMs.toFixed(2)} ms`,
    `${memoryMib.toFixed(0)} MiB`,
  ];
  return table([
    ['webhook → 202', 'p50', 'p99', 'max', 'taken per second', 'taken', 'processor time each', 'memory'],
    row('Berth', berth),
    row('Probot', probot),
  ]);
}

export function sweepsTable({ requests, processorMs, memoryMib }: SweepResult): string {
  // Before the first sweep the program itself was loaded, and GitHub had not given anything a version yet.
  const worst = (figures: readonly number[]) => Math.max(...figures.slice(1));
  return table([
    ['what', 'Berth', 'target', 'is'],
    ['requests to GitHub', String(worst(requests)), '≤ 60', worst(requests) <= 60 ? 'met' : 'missed'],
    [
      'processor time',
      `${(worst(processorMs) / 1_000).toFixed(2)} s`,
      '≤ 5 s',
      worst(processorMs) <= 5_000 ? 'met' : 'missed',
    ],
    ['requests, first after a start', String(requests[0]), '', ''],
    ['processor time, start included', `${((processorMs[0] ?? 0) / 1_000).toFixed(2)} s`, '', ''],
    ['memory', `${memoryMib.toFixed(0)} MiB`, '', ''],
  ]);
}

/** The first row is what the others are compared with. */
export function startsTable(starts: readonly StartResult[]): string {
  const least = median(starts[0]?.processorMs ?? []);
  return table([
    ['what', 'answers /healthz', 'answers /readyz', 'processor time', 'of the first', 'target', 'is'],
    ...starts.map(({ what, healthyMs, readyMs, processorMs }, index) => [
      what,
      seconds(healthyMs),
      seconds(readyMs),
      seconds(processorMs),
      `${(median(processorMs) / least).toFixed(1)} ×`,
      ...(index === 0 ? ['', ''] : ['< 1 s', median(healthyMs) < 1_000 ? 'met' : 'missed']),
    ]),
  ]);
}

/** Median and range, such as `4.21 s (4.02–4.90)`. */
function seconds(ms: readonly number[]): string {
  const [middle, least, most] = [median(ms), Math.min(...ms), Math.max(...ms)].map((each) => (each / 1_000).toFixed(2));
  return `${middle} s (${least}–${most})`;
}
