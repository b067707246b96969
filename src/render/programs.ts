/** The programs that rendering takes, and what to say when they are not there. */
import { run } from '../process.ts';
import { RenderError } from './subject.ts';

const timeoutMs = 30_000;

/** Helm is run through a shell later on, which could only say that something was not found. @throws RenderError */
export async function checkHelm(helmPath: string, programPath: string, signal: AbortSignal): Promise<void> {
  try {
    await run(helmPath, ['version', '--short'], {
      signal,
      timeoutMs,
      env: { PATH: programPath, HOME: '/nonexistent' },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, helmPath, 'BERTH_HELM', 'it takes Helm 4.1.4 or newer, or 3.20.2 or newer of Helm 3');
  }
}

/** A sentence in place of Node's words for a program that cannot be started; any other error as it is. */
export function explained(error: unknown, program: string, variable: string, more?: string): unknown {
  const isMissing =
    error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn') && 'code' in error;
  if (!isMissing) return error;
  const why = error.code === 'ENOENT' ? 'is not there' : `cannot be run (${String(error.code)})`;
  const hint = more === undefined ? '' : `; ${more}`;
  return new RenderError(`the program ${program} ${why}: install it, or let ${variable} name it${hint}`, {
    cause: error,
  });
}
