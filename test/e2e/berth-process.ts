/** Berth as a process of its own, the way it runs in production, with its log readable line by line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { builtBerth } from '../../deploy/local/program.ts';

/** One line of Berth's log; fields as pino writes them. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface BerthProcess extends LaunchedBerth {
  /** Where webhooks go. */
  readonly webhookUrl: string;
  /** Where previews are served; the preview's name travels in the `Host` header. */
  readonly gatewayPort: number;
}

/** A Berth that may not listen yet. */
export interface LaunchedBerth {
  readonly pid: number;
  /** Every line so far. */
  readonly log: readonly LogLine[];
  /** The first line that matches, whether it has been written or is yet to come. @throws when Berth ends before. */
  logged(matches: (line: LogLine) => boolean, what: string): Promise<LogLine>;
  /** Ends it and waits for it. SIGTERM lets it finish what it must. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** The port where this role listens, as soon as it does. @throws when Berth ends before. */
  listening(role: 'server' | 'gateway'): Promise<number>;
}

/** Starts Berth with exactly these variables and waits until every role listens. */
export async function startBerth(
  env: Readonly<Record<string, string>>,
  onLog?: (line: LogLine) => void,
): Promise<BerthProcess> {
  const launched = await launchBerth(env, onLog);
  const [server, gateway] = await Promise.all([launched.listening('server'), launched.listening('gateway')]);
  return { ...launched, webhookUrl: `http://127.0.0.1:${server}/webhooks/github`, gatewayPort: gateway };
}

/** Starts Berth with exactly these variables, and waits for nothing. */
export async function launchBerth(
  env: Readonly<Record<string, string>>,
  onLog: (line: LogLine) => void = () => undefined,
): Promise<LaunchedBerth> {
  const child = spawn(process.execPath, [await builtBerth()], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log: LogLine[] = [];
  const watchers = new Set<() => void>();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4_000)));
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parseLine(text);
    log.push(line);
    onLog(line);
    for (const look of watchers) look();
  });
  const exited = once(child, 'close');
  let ended = false;
  void exited.then(() => {
    ended = true;
    for (const look of watchers) look();
  });

  const logged: LaunchedBerth['logged'] = (matches, what) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = log.find(matches);
        if (!found && !ended) return;
        watchers.delete(look);
        if (found) resolve(found);
        else
          reject(
            new Error(
              `Berth ended before ${what}: ${
                stderr ||
                log
                  .slice(-3)
                  .map((line) => line.msg)
                  .join('; ')
              }`,
            ),
          );
      };
      watchers.add(look);
      look();
    });

  return {
    pid: child.pid ?? 0,
    log,
    logged,
    async listening(role) {
      const line = await logged((it) => it.msg === 'listening' && it['role'] === role, `${role} listened`);
      return Number(line['port']);
    },
    stop: (signal = 'SIGTERM') => stopProcess(child, exited, signal),
  };
}

async function stopProcess(child: ChildProcess, exited: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await exited;
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 'none', msg: text };
  }
}
