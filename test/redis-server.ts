/** A Redis server of a test's own, on a port of its own, that may be killed. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../deploy/local/free-port.ts';
import { localStack } from './local-stack.ts';

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** Ends at once, as a power cut would; what was not on disk is lost. */
  kill(): Promise<void>;
  /** Starts again on the same port, empty. */
  startEmpty(): Promise<void>;
  /** Stops answering (SIGSTOP) without closing connections; `thaw` ends it. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts a server that keeps nothing on disk. `args` are added to its command line. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  return await start([...keepsNothing, ...args]);
}

/** Starts a Sentinel, which has to write into its configuration. */
export async function startSentinel(configuration: string): Promise<RedisServer> {
  return await start(['--sentinel'], configuration);
}

const keepsNothing = ['--save', '', '--appendonly', 'no'];

async function start(args: readonly string[], configuration = ''): Promise<RedisServer> {
  const program = localStack().tools.redisServer;
  const folder = await mkdtemp(join(tmpdir(), 'berth-redis-'));
  await writeFile(join(folder, 'redis.conf'), configuration);
  let [port, child] = await launchAnywhere(program, folder, args);
  const end = async (name: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(name);
    await exited;
  };
  const server = {
    url: `redis://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    async startEmpty() {
      await end('SIGKILL');
      child = await launch(program, port, folder, args);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}

/** A port that was free a moment ago may be taken by the time the server wants it. */
async function launchAnywhere(program: string, folder: string, args: readonly string[]) {
  for (let left = 3; ; left -= 1) {
    const port = await freePort();
    try {
      return [port, await launch(program, port, folder, args)] as const;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function launch(program: string, port: number, folder: string, args: readonly string[]): Promise<ChildProcess> {
  const own = [join(folder, 'redis.conf'), '--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn(program, [...own, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (/Ready to accept connections|Sentinel ID is/.test(line)) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server on port ${port} exited with ${code}`)));
  });
  return child;
}
