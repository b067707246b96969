/** What Linux says about a process; `NaN` elsewhere, and when the process has ended. */
import { readFileSync } from 'node:fs';

/** Resident memory now, in MiB. */
export function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(procFile(pid, 'status'))?.[1];
  return Number(kib) / 1_024;
}

/** Time on processors since its start, of all its threads, in milliseconds. Source: man 5 proc_pid_stat. */
export function processorMs(pid: number): number {
  // The second field, the name, may hold spaces and parentheses.
  const stat = procFile(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [fields[11], fields[12]].map(Number);
  return ((userTicks ?? Number.NaN) + (systemTicks ?? Number.NaN)) * msPerTick;
}

// USER_HZ is 100 on every architecture that Node runs on.
const msPerTick = 10;

function procFile(pid: number, name: 'stat' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
