import { spawn } from 'node:child_process';
import { openSync, closeSync, mkdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Places } from './places.ts';
import { waitUntil } from './wait.ts';

/** A long-running program of the stack. */
export interface DaemonSpec {
  /** Short and unique: names the log file too. */
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** Added to an otherwise almost empty environment, so that a user's proxy or secrets do not reach the daemons. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether it does its work now; may throw meaning no. */
  readonly ready: () => Promise<boolean>;
  readonly timeoutMs?: number;
}

/** A process of ours, found by the mark in its environment. */
export interface Marked {
  readonly pid: number;
  readonly daemon: string;
}

// Children inherit the environment: a containerd shim whose parents are long dead still carries the mark. Pid files
// would go stale; processes in containers get an environment of their own and are found by their control group.
const stackMark = 'BERTH_LOCAL_STACK';
const daemonMark = 'BERTH_LOCAL_DAEMON';

/** Most are written in Go: they may use several times the memory of what they hold, and collect it less often. */
const garbagePercent = '400';

/** Starts a daemon that outlives this process, and returns when it is ready; throws with its last lines otherwise. */
export async function startDaemon(places: Places, spec: DaemonSpec): Promise<void> {
  mkdirSync(places.logs, { recursive: true });
  const logFile = path.join(places.logs, `${spec.name}.log`);
  const log = openSync(logFile, 'w', 0o600);
  const [program, ...args] = spec.argv;
  const child = spawn(program, args, {
    cwd: places.state,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...baseEnvironment(),
      GOGC: garbagePercent,
      ...spec.env,
      [stackMark]: places.state,
      [daemonMark]: spec.name,
    },
  });
  closeSync(log);
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended (${signal ?? `exit code ${code}`})`));
  child.unref();
  try {
    await waitUntil(`${spec.name} to be ready`, async () => ended !== undefined || (await spec.ready()), {
      timeoutMs: spec.timeoutMs ?? 60_000,
      everyMs: 50,
    });
    if (ended !== undefined) throw new Error(ended);
  } catch (cause) {
    const tail = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-15).join('\n  ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`starting ${spec.name}: ${reason}\n  ${tail}\n  whole log: ${logFile}`, { cause });
  }
}

/** All processes of the stack that run on the host, whoever started them, this one excepted. */
export async function markedProcesses(places: Places): Promise<Marked[]> {
  return (await allMarked()).filter(({ state }) => state === places.state);
}

/** Where a stack of another cache folder, such as another user's, keeps its state; `undefined` when none runs. */
export async function foreignStack(places: Places): Promise<string | undefined> {
  return (await allMarked()).find(({ state }) => state !== places.state)?.state;
}

async function allMarked(): Promise<(Marked & { readonly state: string })[]> {
  const found: (Marked & { readonly state: string })[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = await environmentOf(pid);
    const state = valueOf(environment, stackMark);
    const daemon = valueOf(environment, daemonMark);
    if (state !== undefined && daemon !== undefined) found.push({ pid, daemon, state });
  }
  return found;
}

/** Whether each of these daemons has a process. */
export async function areRunning(places: Places, names: readonly string[]): Promise<boolean> {
  const running = new Set((await markedProcesses(places)).map(({ daemon }) => daemon));
  return names.every((name) => running.has(name));
}

function baseEnvironment(): NodeJS.ProcessEnv {
  return { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, HOME: process.env['HOME'], LANG: 'C.UTF-8' };
}

function valueOf(environment: readonly string[], name: string): string | undefined {
  return environment.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Empty when the process is gone, a zombie, or not ours to read. */
async function environmentOf(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
  } catch {
    return [];
  }
}
