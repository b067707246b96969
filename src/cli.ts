#!/usr/bin/env node
/** The `berth` command. */
import { parseArgs } from 'node:util';
import type { DoctorOptions } from './doctor/doctor.ts';
import { nearestWord } from './domain/nearest-word.ts';

const help = `Berth gives every pull request its own running copy of the application.

  berth [start]    runs Berth
  berth doctor     checks everything that Berth needs, and says what to do

Both are configured by environment variables: docs/configuration.md lists them.
\`berth <command> --help\` tells more.
`;

const startHelp = `berth [start]

Runs Berth, with the roles in BERTH_ROLES, until SIGTERM or SIGINT.
`;

const doctorHelp = `berth doctor [--json] [--read-only]

Checks GitHub, Redis, Kubernetes, BuildKit, the registry, DNS, Helm, git and the disk, all at once.

  --json         one JSON object for each finding: check, level, seen, todo
  --read-only    makes nothing: no test image in the registry, no test pod in the cluster

Exits with 0 when Berth can run, with 1 when there are problems, with 2 when the configuration or the command is wrong.
`;

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = { start, doctor };

// What a command needs is loaded when it is given: help must not wait for clients of everything.
async function start(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) return void process.stdout.write(startHelp);
  // The program runs when it is loaded.
  await import('./main.ts');
}

async function doctor(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean', default: false },
      'read-only': { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(doctorHelp);
  const options: DoctorOptions = {
    format: values.json ? 'json' : 'text',
    // Node's own rule: a terminal, unless NO_COLOR or TERM says otherwise.
    inColour: process.stdout.isTTY && process.stdout.hasColors(),
    write: (text) => process.stdout.write(`${text}\n`),
  };
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(name)));
  const { diagnose } = await import('./doctor/doctor.ts');
  const verdict = await diagnose({ readOnly: values['read-only'] }, options, stopping.signal);
  process.exit(verdict === 'misconfigured' ? 2 : Number(verdict !== 'healthy' || stopping.signal.aborted));
}

function refuse(message: string): void {
  process.stderr.write(`berth: ${message}\n\n${help}`);
  process.exitCode = 2;
}

async function main([word, ...rest]: readonly string[]): Promise<void> {
  if (word === '--help' || word === '-h' || word === 'help') return void process.stdout.write(help);
  const isOption = word === undefined || word.startsWith('-');
  const run = Object.hasOwn(commands, word ?? '') ? commands[word ?? ''] : undefined;
  if (run === undefined && !isOption) {
    const near = nearestWord(word, Object.keys(commands));
    return refuse(`there is no command "${word}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
  }
  try {
    await (run === undefined ? start(word === undefined ? [] : [word, ...rest]) : run(rest));
  } catch (error) {
    // Node's own codes for arguments that it does not take.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error;
    refuse((error as Error).message.split('. ')[0] ?? '');
  }
}

await main(process.argv.slice(2));
