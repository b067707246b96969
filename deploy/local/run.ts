import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Both streams are appended to this file; without it they are only kept for the error. */
  readonly log?: string;
  /** Written to the program's standard input, which is closed otherwise. */
  readonly input?: string;
  /** Ten minutes unless told. */
  readonly timeoutMs?: number;
}

/** A program that could not be run, or that said no. */
export class RunError extends Error {
  override readonly name = 'RunError';
  /** `undefined` when it did not start or was killed. */
  readonly exitCode: number | undefined;

  constructor(message: string, exitCode: number | undefined) {
    super(message);
    this.exitCode = exitCode;
  }
}

const shownLines = 15;
const keptChars = 64 * 1024;

/** Runs a program to its end and gives its standard output; throws `RunError` with the last lines it wrote. */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const [program, ...args] = argv;
  if (options.log) await mkdir(path.dirname(options.log), { recursive: true });
  const log = options.log ? createWriteStream(options.log, { flags: 'a' }) : undefined;
  log?.write(`$ ${argv.join(' ')}\n`);
  try {
    return await new Promise<string>((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: options.cwd,
        env: options.env ?? process.env,
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
      // Not spawn's own `timeout`: its timer stays when the program does not even start.
      const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 600_000);
      let output = '';
      let both = '';
      const keep = (chunk: string): void => {
        both = (both + chunk).slice(-keptChars);
        log?.write(chunk);
      };
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        keep(chunk);
      });
      child.stderr?.setEncoding('utf8').on('data', keep);
      // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
      child.stdin?.on('error', () => undefined).end(options.input);
      child.once('error', (error) => {
        clearTimeout(timer);
        reject(new RunError(`${program} did not start: ${error.message}`, undefined));
      });
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        if (code === 0) return resolve(output);
        const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `failed with exit code ${code}`;
        const tail = both.trimEnd().split('\n').slice(-shownLines).join('\n  ');
        const where = options.log ? `\n  whole log: ${options.log}` : '';
        reject(new RunError(`${[program, ...args].join(' ')} ${how}\n  ${tail}${where}`, code ?? undefined));
      });
    });
  } finally {
    log?.end();
  }
}
