/** Runs other programs: argv only, in their own process group, ended as a group. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { parentVariable, thisProcess } from './orphans.ts';

export interface RunOptions {
  /** Ends the run: SIGTERM to the group, `graceMs` later SIGKILL; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** The environment of the child; nothing is inherited, and nothing added but who waits for it. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is closed afterwards; empty without it. */
  readonly input?: string;
  /** How long the group may take to end after SIGTERM. */
  readonly graceMs?: number;
  /** Ends the run after this long; the promise then rejects with a `TimeoutError`. */
  readonly timeoutMs: number;
  /**
   * Receives each line of standard error (and of standard output with `lines: 'both'`) as it comes, without its line
   * end; a line above 1 MiB comes in pieces. What it throws ends the run and becomes its rejection.
   */
  readonly onLine?: (line: string) => void;
  readonly lines?: 'stderr' | 'both';
  /** Receives standard output as it comes, instead of `stdout` of the result: for output of any size. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** Exit codes besides 0 that are not an error. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  /** 128 + the signal's number for a child that a signal ended, as shells have it. */
  readonly code: number;
  /** At most about the last 4 MiB. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A child that exited with a code that was not expected. Its output is kept out of what a logger would print. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly code: number;
  readonly #result: RunResult;
  constructor(command: string, result: RunResult) {
    super(`${basename(command)} exited with ${result.code}: ${lastLine(result.stderr)}`);
    this.code = result.code;
    this.#result = result;
  }

  get stdout(): string {
    return this.#result.stdout;
  }

  /** The end of what it said. */
  get stderr(): string {
    return this.#result.stderr;
  }
}

/** A child that was ended because it took longer than `timeoutMs`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

const maxOutputBytes = 4 * 1024 * 1024;
const maxLineLength = 1024 * 1024;
const defaultGraceMs = 10_000;
const drainMs = 1_000;

/**
 * Runs a program to its end. When the promise settles the child has been waited for, and its process group killed.
 * @throws ExitError for an unexpected exit code, the signal's reason when aborted, TimeoutError after `timeoutMs`.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const timeout = setTimeout(() => {
    own.abort(new TimeoutError(`${basename(command)} was still running after ${options.timeoutMs} ms`));
  }, options.timeoutMs);
  // A callback runs inside an event of the stream: what it throws would end this program instead of the run.
  const guard = <T>(callback: (value: T) => void) => {
    return (value: T) => {
      try {
        callback(value);
      } catch (error) {
        own.abort(error);
      }
    };
  };

  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...options.env, [parentVariable]: thisProcess() },
    // A group of its own, so that what the child starts ends with it.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout = tailOf();
  const stderr = tailOf();
  child.stdout.on('data', options.onOutput ? guard(options.onOutput) : stdout.push);
  child.stderr.on('data', stderr.push);
  if (options.onLine) {
    splitLines(child.stderr, guard(options.onLine));
    if (options.lines === 'both') splitLines(child.stdout, guard(options.onLine));
  }
  // A child that ends without reading its input breaks the pipe; its exit code tells the story.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');

  let killTimer: NodeJS.Timeout | undefined;
  const endGroup = () => {
    signalGroup(child.pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), options.graceMs ?? defaultGraceMs);
  };
  signal.addEventListener('abort', endGroup, { once: true });
  let drainTimer: NodeJS.Timeout | undefined;
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => {
        // Whatever the child left behind in its group must not outlive it.
        signalGroup(child.pid, 'SIGKILL');
        // What left the group may hold our end of the pipes open for ever: give what was written time to arrive.
        drainTimer = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, drainMs);
      });
      child.once('close', (exitCode, name) => resolve(exitCode ?? 128 + (name ? constants.signals[name] : 0)));
    });
    signal.throwIfAborted();
    const result = { code, stdout: stdout.text(), stderr: stderr.text() };
    if (code !== 0 && !options.accept?.includes(code)) throw new ExitError(command, result);
    return result;
  } finally {
    signal.removeEventListener('abort', endGroup);
    clearTimeout(timeout);
    clearTimeout(killTimer);
    clearTimeout(drainTimer);
  }
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // ESRCH: the group is gone already, which is what we want.
  }
}

function tailOf(): { readonly push: (chunk: Buffer) => void; readonly text: () => string } {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      while (sizeBytes > maxOutputBytes && chunks.length > 1) sizeBytes -= chunks.shift()?.length ?? 0;
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

function splitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (rest.length > maxLineLength) {
      onLine(rest);
      rest = '';
    }
  });
  stream.on('end', () => {
    rest += decoder.end();
    if (rest !== '') onLine(rest);
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 500) ?? '';
}
