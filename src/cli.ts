#!/usr/bin/env node
/** The `berth` command: finds the one that is meant, and tells what becomes of it. */
import { type Command, UsageError } from './cli/command.ts';
import { commands } from './cli/commands.ts';
import { forgiveClosedPipes, outputTaken } from './cli/output-taken.ts';
import { nearestWord } from './domain/nearest-word.ts';
import { berthVersion } from './package-files.ts';

const width = Math.max(...Object.keys(commands).map((name) => name.length));

const help = `Berth gives every pull request its own running copy of the application.

  berth <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}\n`)
  .join('')}
\`berth <command> --help\` tells more, with examples. Without a command, \`berth\` is \`berth start\`.

Environment variables configure all of them: docs/configuration.md lists them, docs/cli.md explains the commands.
Exits with 0 when all went well, with 1 when something is wrong that the output names, with 2 when the command line is wrong.
`;

const asksForHelp = (word: string | undefined) => word === '--help' || word === '-h';

/** @returns the code that the process exits with. */
async function main([word, ...rest]: readonly string[]): Promise<number> {
  if (asksForHelp(word)) return print(help);
  if (word === '--version' || word === '-v') return print(`${berthVersion()}\n`);
  if (word === 'help') return rest[0] === undefined ? print(help) : print(commandNamed(rest[0]).help);
  // Whoever gives options alone means the program itself.
  const isNamed = word !== undefined && !word.startsWith('-');
  const command = commandNamed(isNamed ? word : 'start');
  const args = isNamed || word === undefined ? rest : [word, ...rest];
  return args.some(asksForHelp) ? print(command.help) : command.run(args);
}

function commandNamed(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  const near = nearestWord(name, Object.keys(commands));
  throw new UsageError(`there is no command "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** What is wrong with the command line; `undefined` for any other error. */
function misuse(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.message;
  // Node's own codes for arguments that it does not take.
  const isRefusal = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  return isRefusal ? error.message.split('. ')[0] : undefined;
}

try {
  forgiveClosedPipes();
  const code = await main(process.argv.slice(2));
  await outputTaken();
  // A client that a command has left open must not keep the shell waiting.
  process.exit(code);
} catch (error) {
  const message = misuse(error);
  if (message === undefined) throw error;
  const [word = ''] = process.argv.slice(2);
  const subject = Object.hasOwn(commands, word) ? `berth ${word}` : 'berth';
  process.stderr.write(`${subject}: ${message}\nTry \`${subject} --help\`.\n`);
  process.exitCode = 2;
}
