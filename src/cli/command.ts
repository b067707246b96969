/** A command of `berth`, apart from how it is found and what becomes of its errors. */
export interface Command {
  /** What it does, in a few words: its line in `berth --help`. */
  readonly summary: string;
  /** What `berth <command> --help` prints: usage, options, examples, exit codes. */
  readonly help: string;
  /**
   * Runs with the arguments that follow the command's name; `--help` is never among them. What it needs is imported inside,
   * so that help does not wait for clients of everything.
   * @returns the code that the process exits with.
   * @throws UsageError for arguments that it does not take; errors of `parseArgs` count as such.
   */
  run(args: readonly string[]): Promise<number>;
}

/** The command line is wrong: told with the way to help, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Ends when the terminal or a supervisor says so. */
export function untilInterrupted(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(name)));
  return stopping.signal;
}
