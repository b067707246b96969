/**
 * The faults Berth survives, and which tests show it: a test says so by beginning its name with the numbers of the
 * lines it covers, such as `F1 G1 the worker killed while Helm runs`.
 */

/** How many lines each group has: intake, order, GitHub's API, trust, hostile content, queue and process, cluster. */
const groups: Readonly<Record<string, number>> = { A: 14, B: 11, C: 8, D: 9, E: 14, F: 9, G: 10 };

export interface NamedResult {
  readonly name: string;
  readonly passed: boolean;
}

/** The numbers a test's name begins with; empty for most. */
export function faultNumbers(name: string): readonly string[] {
  const found = /^((?:[A-G]\d{1,2} )+)/.exec(name)?.[1]?.trim().split(' ') ?? [];
  return found.filter((number) => Number(number.slice(1)) <= (groups[number.charAt(0)] ?? 0));
}

/** One row for each line, in order: its number, how many tests cover it and how many of them failed. */
export function faultReport(results: readonly NamedResult[]): string {
  const rows: string[] = [];
  for (const [group, count] of Object.entries(groups)) {
    for (let line = 1; line <= count; line += 1) {
      const number = `${group}${line}`;
      const covering = results.filter(({ name }) => faultNumbers(name).includes(number));
      const failed = covering.filter(({ passed }) => !passed);
      const mark = covering.length === 0 ? '·' : failed.length > 0 ? '✖' : '✔';
      const detail = covering.length === 0 ? 'no test' : (failed[0] ?? covering[0])?.name.replace(/^([A-G]\d+ )+/, '');
      rows.push(`${mark} ${number.padEnd(4)}${String(covering.length).padStart(3)}  ${detail}`);
    }
  }
  return rows.join('\n');
}
