import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { exists } from '../files.ts';

/** The control group that every container of the stack lives below. */
export const cgroupRoot = '/berth';

/** The stack's group in each hierarchy of this machine (several of version 1, or one of version 2) that has it. */
export async function cgroupsOf(): Promise<string[]> {
  const found: string[] = [];
  for (const mount of await hierarchies()) {
    const folder = path.join(mount, cgroupRoot);
    if (await exists(folder)) found.push(folder);
  }
  return found;
}

/** Makes the group in every hierarchy; the kubelet wants to find it. */
export async function createCgroups(): Promise<void> {
  for (const mount of await hierarchies()) await mkdir(path.join(mount, cgroupRoot), { recursive: true });
}

async function hierarchies(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
}
