import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { markedProcesses } from '../daemons.ts';
import { exists, onPath } from '../files.ts';
import type { Places } from '../places.ts';
import { run } from '../run.ts';
import { cgroupsOf } from './cgroups.ts';
import { isOurRule, removeNetwork } from './network.ts';

// These write what is kept; everything else is thrown away, so it need not be asked politely.
const graceful = ['redis', 'registry'];

/** Ends every process of the stack, on the host and in its containers. */
export async function endProcesses(places: Places): Promise<void> {
  for (const { pid, daemon } of await markedProcesses(places))
    signal(pid, graceful.includes(daemon) ? 'SIGTERM' : 'SIGKILL');
  const patienceEnd = Date.now() + 3000;
  const end = Date.now() + 15_000;
  for (;;) {
    const marked = await markedProcesses(places);
    const contained = await containedProcesses();
    if (marked.length === 0 && contained.length === 0) return;
    if (Date.now() > end)
      throw new Error(`processes do not end: ${[...marked.map(({ pid }) => pid), ...contained].join(' ')}`);
    for (const pid of contained) signal(pid, 'SIGKILL');
    for (const { pid, daemon } of marked) {
      if (!graceful.includes(daemon) || Date.now() > patienceEnd) signal(pid, 'SIGKILL');
    }
    await delay(50);
  }
}

/** Removes what ended processes leave in the kernel and on the disk; harmless when there is nothing. */
export async function removeLeftovers(places: Places): Promise<void> {
  for (const mount of await mountsBelow(places.state)) await run(['umount', '--lazy', mount]);
  await removeNetwork(places);
  await removeFirewallRules();
  for (const cgroup of await cgroupsOf()) await removeTree(cgroup);
  await removeShimSockets();
  await removePodNetworkResults();
  const emptied = [places.run, places.scratch, '/tmp/hostpath_pv', '/var/log/pods', '/var/log/containers'];
  for (const folder of emptied) await rm(folder, { recursive: true, force: true });
  await rm(path.join(places.state, 'sysctls-before.json'), { force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended by itself meanwhile.
  }
}

async function containedProcesses(): Promise<number[]> {
  const pids: number[] = [];
  for (const cgroup of await cgroupsOf()) {
    for (const folder of await treeOf(cgroup)) {
      const text = await readFile(path.join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
      pids.push(...text.split('\n').filter(Boolean).map(Number));
    }
  }
  // 0 stands for a process that this one cannot see; as the target of a signal it would mean ourselves.
  return [...new Set(pids)].filter((pid) => pid > 0);
}

/** A folder and all folders below it, parents first; what vanishes meanwhile is left out. */
async function treeOf(root: string): Promise<string[]> {
  const below = await readdir(root, { withFileTypes: true }).catch(() => []);
  const found = [root];
  for (const entry of below) if (entry.isDirectory()) found.push(...(await treeOf(path.join(root, entry.name))));
  return found;
}

async function removeTree(cgroup: string): Promise<void> {
  const end = Date.now() + 5000;
  for (const folder of (await treeOf(cgroup)).toReversed()) {
    // The kernel lets go of a killed process' group a moment after the process is gone.
    while ((await exists(folder)) && !(await removed(folder)) && Date.now() < end) await delay(20);
  }
}

async function removed(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    () => false,
  );
}

/** Mount points below a folder, the innermost and latest first. */
async function mountsBelow(folder: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '').map((point) => point.replaceAll(String.raw`\040`, ' '));
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed();
}

/** Deletes the rules and chains of kube-proxy, the kubelet, and the port mapping of pods, and ours; no others. */
async function removeFirewallRules(): Promise<void> {
  for (const family of ['iptables', 'ip6tables']) {
    if (!(await onPath(family))) continue;
    for (const table of ['nat', 'filter', 'mangle']) {
      const saved = await run([`${family}-save`, '-t', table]);
      const script = firewallRemoval(table, saved);
      if (script) await run([`${family}-restore`, '--noflush', '-w'], { input: script });
    }
  }
}

/** The `iptables-restore --noflush` input that removes our part of a table; empty when it has none. */
export function firewallRemoval(table: string, saved: string): string {
  const lines = saved.split('\n');
  const chains = lines.filter((line) => /^:(KUBE-|CNI-)/.test(line)).map((line) => line.slice(1).split(' ')[0] ?? '');
  const rules = lines.filter((line) => isOurRule(line) || /^-A (?!KUBE-|CNI-).* -j (KUBE-|CNI-)/.test(line));
  if (chains.length === 0 && rules.length === 0) return '';
  // Naming a chain flushes it, so that no chain refers to another when they are deleted.
  const flush = chains.map((chain) => `:${chain} - [0:0]`);
  const unhook = rules.map((rule) => rule.replace(/^-A/, '-D'));
  const drop = chains.map((chain) => `-X ${chain}`);
  return [`*${table}`, ...flush, ...unhook, ...drop, 'COMMIT', ''].join('\n');
}

/** containerd's shims leave their sockets where no flag can move them; those nobody listens on are dead. */
async function removeShimSockets(): Promise<void> {
  const folder = '/run/containerd/s';
  const listening = await readFile('/proc/net/unix', 'utf8');
  for (const name of await readdir(folder).catch(() => [])) {
    if (!listening.includes(name)) await rm(path.join(folder, name), { force: true });
  }
  for (const empty of [folder, '/run/containerd', '/run/docker/plugins', '/run/docker']) await removed(empty);
}

/** What the network plugins noted about our pods, also where no setting can move it. */
async function removePodNetworkResults(): Promise<void> {
  const folder = '/var/lib/cni/results';
  const names = await readdir(folder).catch(() => []);
  const pods = new Set(names.flatMap((name) => /^berth-([0-9a-f]{64})-/.exec(name)?.[1] ?? []));
  const isOurs = (name: string): boolean => pods.has(/[0-9a-f]{64}/.exec(name)?.[0] ?? '');
  for (const name of names.filter(isOurs)) await rm(path.join(folder, name), { force: true });
  for (const empty of [folder, '/var/lib/cni']) await removed(empty);
}
