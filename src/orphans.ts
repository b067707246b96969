/** Programs that outlived the Berth that had started them, because it was killed. Linux only; elsewhere there are none to see. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Names, in the environment of each program that Berth runs, the process that waits for it. */
export const parentVariable = 'BERTH_PARENT';

/** This process as `parentVariable` names it: process id and start time, which together are never given twice until a reboot. */
export function thisProcess(): string {
  return `${process.pid}.${startTimeOf(process.pid) ?? 'unknown'}`;
}

export interface Orphan {
  readonly pid: number;
  /** The program and its first arguments. */
  readonly command: string;
}

const pollMs = 50;

/**
 * Ends what dead Berths have left running: SIGTERM, which lets Helm write down that it was interrupted, and SIGKILL for what
 * is still there after `graceMs`. @returns what was found, after it is gone.
 */
export async function endOrphans(graceMs: number): Promise<readonly Orphan[]> {
  const orphans = findOrphans();
  for (const { pid } of orphans) signal(pid, 'SIGTERM');
  const until = performance.now() + graceMs;
  // Nothing tells when a process ends that is not a child of ours.
  while (orphans.some(isRunning) && performance.now() < until) await setTimeout(pollMs);
  for (const { pid } of orphans.filter(isRunning)) signal(pid, 'SIGKILL');
  return orphans;
}

function findOrphans(): readonly Orphan[] {
  const namespace = pidNamespaceOf('self');
  // Process ids of other namespaces mean other processes.
  const candidates = processIds().filter((pid) => pid !== process.pid && pidNamespaceOf(pid) === namespace);
  return candidates.flatMap((pid) => {
    const parent = parentOf(pid);
    return parent !== undefined && !isAlive(parent) ? [{ pid, command: commandOf(pid) }] : [];
  });
}

function processIds(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function parentOf(pid: number): string | undefined {
  const entry = read(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((each) => each.startsWith(`${parentVariable}=`));
  return entry?.slice(parentVariable.length + 1);
}

function isAlive(identity: string): boolean {
  const [pid, startTime] = identity.split('.');
  return startTimeOf(Number(pid)) === startTime;
}

/** A process that has ended but was not waited for yet counts as gone. */
function isRunning({ pid }: Orphan): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** In clock ticks since the machine was started. Source: man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function startTimeOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** The fields from the third on; the second is the program's name, which may hold anything. */
function statOf(pid: number): readonly string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function commandOf(pid: number): string {
  const [program = '', ...args] = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
  return [program.slice(program.lastIndexOf('/') + 1), ...args.slice(0, 2)].join(' ').trim();
}

function pidNamespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Gone meanwhile, or somebody else's.
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile.
  }
}
