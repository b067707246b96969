/** `berth setup` as a process of its own, the way a person starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compileCache } from '../compile-cache.ts';

export interface SetupProcess extends AsyncDisposable {
  /** The address that it asks to open; rejects when it ends before. */
  readonly address: Promise<string>;
  readonly exitCode: Promise<number | null>;
  /** Everything that it has printed. */
  terminal(): string;
}

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Starts it on a free port of this machine, with nothing of this process's environment but `PATH` and what is given. */
export function startSetupProcess(args: readonly string[], env: Readonly<Record<string, string>> = {}): SetupProcess {
  const child = spawn(process.execPath, [program, 'setup', '--listen', '127.0.0.1:0', ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let terminal = '';
  const address = Promise.withResolvers<string>();
  address.promise.catch(() => undefined);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      terminal += chunk.toString();
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/\S+\/(?=\s)/.exec(terminal) ?? [];
      if (url !== undefined) address.resolve(url);
    });
  }
  const exitCode = once(child, 'close').then(([code]: (number | null)[]) => {
    address.reject(new Error(`berth setup ended with ${code}:\n${terminal}`));
    return code ?? null;
  });
  return {
    address: address.promise,
    exitCode,
    terminal: () => terminal,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exitCode;
    },
  };
}
