/** `berth doctor`: checks the surroundings and tells what it finds. */
import { trustAuthorities } from '../authorities.ts';
import { type Config, ConfigError, parseConfig } from '../config.ts';
import { credentialsIn } from '../held-credentials.ts';
import { redacted } from '../domain/redaction/redacted-value.ts';
import { createRedaction } from '../redaction.ts';
import { checksFor } from './checks.ts';
import { ok, problem } from './finding.ts';
import { jsonOf, summaryOf, textOf } from './print.ts';
import { type Check, type Found, runChecks } from './run-checks.ts';

export interface DoctorOptions {
  readonly format: 'text' | 'json';
  readonly inColour: boolean;
  /** Takes lines. */
  readonly write: (text: string) => void;
}

/** `misconfigured`: nothing but the configuration was looked at. */
export type Verdict = 'healthy' | 'problems' | 'misconfigured';

/** Reads the configuration and checks everything in it. */
export async function diagnose(
  scope: { readonly readOnly: boolean },
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  let config: Config;
  try {
    config = parseConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await examine([settingsCheck(error.problems)], options, signal);
    return 'misconfigured';
  }
  trustAuthorities(config.CA_CERTIFICATES);
  const redaction = createRedaction({ credentials: credentialsIn(config) });
  const isHealthy = await examine([settingsCheck([]), ...checksFor(config, scope)], options, signal, redaction);
  return isHealthy ? 'healthy' : 'problems';
}

/**
 * Runs the checks and writes each finding as soon as it is known; as JSON, one object for each line. What doctor says is
 * copied into reports and chats, so it holds no credentials.
 * @returns whether there was no problem.
 */
async function examine(
  checks: readonly Check[],
  options: DoctorOptions,
  signal: AbortSignal,
  redaction = createRedaction(),
): Promise<boolean> {
  const all: Found[] = [];
  for await (const each of runChecks(checks, signal)) {
    const found = redacted(each, redaction);
    options.write(options.format === 'json' ? jsonOf(found) : textOf(found, all.at(-1), options.inColour));
    all.push(found);
  }
  if (options.format === 'text' && !signal.aborted) options.write(`\n${summaryOf(all)}`);
  return all.every(({ level }) => level !== 'problem');
}

/** Tells what the parser of the configuration has found. */
function settingsCheck(problems: readonly string[]): Check {
  return {
    name: 'settings',
    timeoutMs: 1_000,
    todo: 'Correct the configuration.',
    async run(report) {
      if (problems.length === 0) report(ok('the configuration is complete'));
      for (const each of problems)
        report(problem(each, 'Correct it, see docs/configuration.md; until then nothing else is checked.'));
    },
  };
}
