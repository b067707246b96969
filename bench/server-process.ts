/** A server under load, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface ServerStart {
  /** Absolute path of a program for Node. It writes a JSON line with `msg: "listening"` and its `port`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** For its standard input, as JSON. */
  readonly input: unknown;
}

/** Starts a server and waits until it listens. @throws when it ends before, with what it wrote to standard error. */
export async function startServer({ program, env, input }: ServerStart): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program], { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(input));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4_000)));
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = listeningPort(line);
      if (found !== undefined) resolve(found);
    });
    void closed.then(() => reject(new Error(`the server ended before it listened: ${stderr}`)));
  });
  // Its log is thrown away from here on, at the least cost for a machine under load.
  lines.removeAllListeners('line');
  lines.close();
  child.stdout.resume();
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}

function listeningPort(line: string): number | undefined {
  const { msg, port } = JSON.parse(line) as { readonly msg?: unknown; readonly port?: unknown };
  return msg === 'listening' && typeof port === 'number' ? port : undefined;
}
