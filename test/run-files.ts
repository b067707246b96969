/** Running test files, each in a process of its own. */
import { once } from 'node:events';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import type { NamedResult } from './fault-lines.ts';

export interface Outcome {
  /** Whether every test passed. */
  readonly succeeded: boolean;
  readonly results: readonly NamedResult[];
}

/** No single test may take longer. */
const timeoutMs = 600_000;

/**
 * Runs the files, `concurrency` at once, and reports on standard output; none at all is a failure. They start in the order given:
 * `node --test` would sort them by their names, and two cores would end with the longest one alone.
 */
export async function runFiles(files: readonly string[], concurrency: number): Promise<Outcome> {
  if (files.length === 0) return { succeeded: false, results: [] };
  const results: NamedResult[] = [];
  let succeeded = false;
  const events = run({ files: [...files], concurrency, timeout: timeoutMs });
  events.on('test:pass', ({ name }) => results.push({ name, passed: true }));
  events.on('test:fail', ({ name }) => results.push({ name, passed: false }));
  events.on('test:summary', ({ file, success }) => {
    // Each file has a summary, too; the one of them all names none.
    if (file === undefined) succeeded = success;
  });
  const report = events.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await once(report, 'end');
  return { succeeded, results };
}

/** The files with those first that end so, in that order. */
export function withFirst(files: readonly string[], first: readonly string[]): readonly string[] {
  const rank = (file: string): number => {
    const found = first.findIndex((end) => file.endsWith(end));
    return found === -1 ? first.length : found;
  };
  return files.toSorted((a, b) => rank(a) - rank(b));
}
