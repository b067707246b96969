/** Programs that Berths have started and that still run, known by the folder that they were told of. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface LeftProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose arguments or environment name the folder, but for those `known`. */
export function processesOf(directory: string, known: readonly (number | undefined)[]): readonly LeftProcess[] {
  const found: LeftProcess[] = [];
  for (const entry of processIds()) {
    const pid = Number(entry);
    if (pid === process.pid || known.includes(pid)) continue;
    const [command, environment] = [read(pid, 'cmdline'), read(pid, 'environ')];
    if (`${command}\0${environment}`.includes(directory)) {
      found.push({ pid, command: command.replaceAll('\0', ' ').trim() });
    }
  }
  return found;
}

/** Ends them the hard way. */
export async function endLeftProcesses(directory: string): Promise<void> {
  for (;;) {
    const left = processesOf(directory, []);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
    // They are nobody's children here: nothing tells of their end.
    await delay(50);
  }
}

function processIds(): readonly string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  } catch {
    return [];
  }
}

/** Empty for a process that is gone, or nobody's any more but its parent's to bury. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
