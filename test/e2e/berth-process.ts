/** Berth as a process of its own, the way it runs in production, with its log readable line by line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

/** One line of Berth's log; fields as pino writes them. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface BerthProcess {
  /** Where webhooks go. */
  readonly webhookUrl: string;
  /** Where previews are served; the preview's name travels in the `Host` header. */
  readonly gatewayPort: number;
  readonly pid: number;
  /** Every line so far. */
  readonly log: readonly LogLine[];
  /** The first line that matches, whether it has been written or is yet to come. @throws when Berth ends before. */
  logged(matches: (line: LogLine) => boolean, what: string): Promise<LogLine>;
  /** Ends it and waits for it. SIGTERM lets it finish what it must. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starts Berth with exactly these variables and waits until every role listens. */
export async function startBerth(
  env: Readonly<Record<string, string>>,
  onLog: (line: LogLine) => void = () => undefined,
): Promise<BerthProcess> {
  const child = spawn(process.execPath, [program], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
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

  const logged: BerthProcess['logged'] = (matches, what) =>
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

  const listening = (role: string) =>
    logged((line) => line.msg === 'listening' && line['role'] === role, `${role} listened`);
  const [server, gateway] = await Promise.all([listening('server'), listening('gateway')]);
  return {
    webhookUrl: `http://127.0.0.1:${Number(server['port'])}/webhooks/github`,
    gatewayPort: Number(gateway['port']),
    pid: child.pid ?? 0,
    log,
    logged,
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
