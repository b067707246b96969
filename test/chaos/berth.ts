/** A Berth as its platform runs it: started again when it ends, and ended in all the ways that processes end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { builtBerth } from '../../deploy/local/program.ts';
import type { LogLine } from '../e2e/berth-process.ts';
import type { Which } from './events.ts';

export interface Berth {
  readonly name: Which;
  readonly webhookUrl: string;
  readonly gatewayPort: number;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  /** Whether it listens. */
  readonly isUp: boolean;
  /** Every line so far, of all processes that there were. */
  readonly log: readonly LogLine[];
  /** Runs that ended by themselves after they had once listened, with what they said last. */
  readonly crashes: readonly string[];
  /** Runs it from now on. */
  start(): void;
  /** Resolves when it listens. @throws when it does not within two minutes. */
  listens(signal: AbortSignal): Promise<void>;
  /** SIGKILL; it stays away until `start`. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code when it has ended. It stays away until `start`. */
  terminate(): Promise<number | undefined>;
  freeze(): void;
  thaw(): void;
  /** Resolves when it next logs this message, or when `timeoutMs` have passed. */
  says(message: string, timeoutMs: number): Promise<void>;
}

/** As a platform does, so that a Berth without its Redis does not spin. */
const restartMs = 500;
const startMs = 120_000;

/** Its ports stay the same over all its lives. Nothing runs before `start`. */
export async function berthOf(name: Which, env: Readonly<Record<string, string>>): Promise<Berth> {
  const [serverPort, gatewayPort] = [await stablePort(), await stablePort()];
  const wholeEnv = {
    ...env,
    BERTH_LISTEN: `127.0.0.1:${serverPort}`,
    BERTH_GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`,
    BERTH_OPERATIONS_LISTEN: '127.0.0.1:0',
  };
  const program = await builtBerth();
  const log: LogLine[] = [];
  const crashes: string[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  let child: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  let isWanted = false;
  let isUp = false;

  const launch = (): void => {
    const own = spawn(process.execPath, [program], { env: wholeEnv, stdio: ['ignore', 'pipe', 'pipe'] });
    child = own;
    const awaited = new Set(['server', 'gateway']);
    let lastWords = '';
    own.stderr.on('data', (chunk: Buffer) => (lastWords = (lastWords + chunk.toString()).slice(-4_000)));
    createInterface({ input: own.stdout }).on('line', (text) => {
      const line = lineOf(text);
      log.push(line);
      if (line.msg === 'listening') awaited.delete(String(line['role']));
      if (child === own) isUp = awaited.size === 0;
      for (const hear of listeners) hear(line);
    });
    ended = once(own, 'close').then(async () => {
      if (child === own) child = undefined;
      isUp = false;
      if (!isWanted) return;
      const said = lastWords || JSON.stringify(log.at(-1));
      log.push({ level: 'none', msg: 'ended by itself', time: new Date().toISOString(), said: lastWords });
      if (awaited.size === 0) crashes.push(`${name} ended by itself with ${own.exitCode ?? own.signalCode}: ${said}`);
      await delay(restartMs);
      if (isWanted && child === undefined) launch();
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<number | undefined> => {
    isWanted = false;
    const own = child;
    if (!own) return undefined;
    const closed = own.exitCode === null && own.signalCode === null ? once(own, 'close') : undefined;
    // A stopped process would hear of SIGTERM only when it goes on.
    own.kill('SIGCONT');
    own.kill(signal);
    await closed;
    await ended;
    return own.exitCode ?? undefined;
  };

  return {
    name,
    webhookUrl: `http://127.0.0.1:${serverPort}/webhooks/github`,
    gatewayPort,
    get pid() {
      return child?.pid;
    },
    get isUp() {
      return isUp;
    },
    log,
    crashes,
    start() {
      if (isWanted) return;
      isWanted = true;
      if (child === undefined) launch();
    },
    async listens(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const limit = AbortSignal.any([signal, AbortSignal.timeout(startMs)]);
      const look = () => {
        if (isUp) resolve();
      };
      listeners.add(look);
      const stop = () => reject(new Error(`${name} does not listen: ${JSON.stringify(log.at(-1))}`));
      limit.addEventListener('abort', stop, { once: true });
      if (limit.aborted) stop();
      look();
      await promise.finally(() => {
        listeners.delete(look);
        limit.removeEventListener('abort', stop);
      });
    },
    async kill() {
      await end('SIGKILL');
    },
    terminate: () => end('SIGTERM'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async says(message, timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const hear = ({ msg }: LogLine) => {
        if (msg === message) resolve();
      };
      listeners.add(hear);
      const timer = setTimeout(resolve, timeoutMs);
      await promise;
      clearTimeout(timer);
      listeners.delete(hear);
    },
  };
}

function lineOf(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 'none', msg: text };
  }
}

const taken = new Set<number>();

/** A port that no outgoing connection gets while its owner is away: below those that systems hand out. */
async function stablePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (taken.has(port)) continue;
    taken.add(port);
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    } catch {
      // Somebody else's.
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
