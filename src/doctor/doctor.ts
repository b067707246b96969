/** `berth doctor`: checks the surroundings and tells what it finds. */
import { problem } from './finding.ts';
import { jsonOf, summaryOf, textOf } from './print.ts';
import { type Check, type Found, runChecks } from './run-checks.ts';

export interface DoctorOptions {
  readonly format: 'text' | 'json';
  readonly inColour: boolean;
  readonly write: (text: string) => void;
}

/**
 * Runs the checks and writes each finding as soon as it is known; as JSON, one object for each line.
 * @returns whether there was no problem.
 */
export async function examine(checks: readonly Check[], options: DoctorOptions, signal: AbortSignal): Promise<boolean> {
  const all: Found[] = [];
  for await (const found of runChecks(checks, signal)) {
    all.push(found);
    options.write(options.format === 'json' ? jsonOf(found) : textOf(found, options.inColour));
  }
  if (options.format === 'text' && !signal.aborted) options.write(`\n${summaryOf(all)}`);
  return all.every(({ level }) => level !== 'problem');
}

/** A check that finds these problems: without a configuration nothing else can be looked at. */
export function configurationCheck(problems: readonly string[]): Check {
  return {
    name: 'settings',
    timeoutMs: 1_000,
    todo: '',
    async run(report) {
      for (const each of problems)
        report(problem(each, 'See docs/configuration.md; nothing else is checked until it is right.'));
    },
  };
}
