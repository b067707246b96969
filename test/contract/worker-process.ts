import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

type Line = Readonly<Record<string, unknown>>;

/** A process of `worker-program.ts`, and what it has said. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it said of its work. */
  readonly said: readonly Line[];
  /** Lines of its log. */
  readonly logged: readonly Line[];
  /** Whether it has not ended by itself. */
  readonly isAlive: boolean;
  /** Resolves when a line that it said or will say is as asked; `from` is the first to look at. */
  says(is: (line: Line) => boolean, from?: number): Promise<Line>;
  signal(name: NodeJS.Signals): void;
}

/** Resolves when it takes jobs. `args` are its arguments. */
export async function startWorkerProcess(
  args: readonly string[],
  program = new URL('worker-program.ts', import.meta.url),
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [fileURLToPath(program), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said: Line[] = [];
  const logged: Line[] = [];
  let wake = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    if ('msg' in line) logged.push(line);
    else said.push(line);
    wake.resolve();
    wake = Promise.withResolvers();
  });
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const says = async (is: (line: Line) => boolean, from = 0): Promise<Line> => {
    for (;;) {
      const line = said.slice(from).find(is);
      if (line) return line;
      if (!isAlive()) throw new Error(`the worker has ended (${child.exitCode ?? child.signalCode})`);
      await Promise.race([wake.promise, exited]);
    }
  };
  const worker: WorkerProcess = {
    pid: child.pid ?? 0,
    said,
    logged,
    get isAlive() {
      return isAlive();
    },
    says,
    signal: (name) => void child.kill(name),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
  await says((line) => line['ready'] === true);
  return worker;
}
