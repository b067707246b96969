import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks } from '../addresses.ts';
import { exists } from '../files.ts';
import type { Places } from '../places.ts';
import { run } from '../run.ts';

const comment = 'berth local stack';

const sysctls = { 'net/ipv4/ip_forward': '1', 'net/bridge/bridge-nf-call-iptables': '1' } as const;

/** Makes the bridges for pods and for builds, and lets what hangs on them reach the outside. */
export async function createNetwork(places: Places): Promise<void> {
  await setSysctls(places);
  await createBridge(networks.podBridge, `${networks.podGateway}/20`);
  await createBridge(networks.buildBridge, `${networks.buildGateway}/24`);
  for (const rule of rules()) await run(['iptables', '-w', '-t', rule.table, '-I', ...rule.spec]);
}

/** Takes back everything `createNetwork` made, and the network devices of pods that are gone. */
export async function removeNetwork(places: Places): Promise<void> {
  for (const bridge of [networks.podBridge, networks.buildBridge]) {
    if (!(await exists(`/sys/class/net/${bridge}`))) continue;
    for (const device of await devicesOn(bridge)) await run(['ip', 'link', 'delete', device]);
    await run(['ip', 'link', 'delete', bridge]);
  }
  await restoreSysctls(places);
}

/** Whether an `iptables-save` line is one of `createNetwork`'s rules. */
export function isOurRule(line: string): boolean {
  return line.startsWith('-A ') && line.includes(`--comment "${comment}"`);
}

function rules(): { readonly table: string; readonly spec: readonly string[] }[] {
  const marked = ['-m', 'comment', '--comment', comment];
  const masquerade = (cidr: string, bridge: string) => ({
    table: 'nat',
    spec: ['POSTROUTING', '-s', cidr, '!', '-o', bridge, ...marked, '-j', 'MASQUERADE'],
  });
  // A Docker on the same machine may have set the policy of FORWARD to DROP.
  const forward = (direction: '-i' | '-o', bridge: string) => ({
    table: 'filter',
    spec: ['FORWARD', direction, bridge, ...marked, '-j', 'ACCEPT'],
  });
  return [
    masquerade(networks.podCidr, networks.podBridge),
    masquerade(networks.buildCidr, networks.buildBridge),
    ...[networks.podBridge, networks.buildBridge].flatMap((bridge) => [forward('-i', bridge), forward('-o', bridge)]),
  ];
}

async function createBridge(name: string, address: string): Promise<void> {
  await run(['ip', 'link', 'add', name, 'type', 'bridge']);
  await run(['ip', 'address', 'add', address, 'dev', name]);
  await run(['ip', 'link', 'set', name, 'up']);
}

async function devicesOn(bridge: string): Promise<string[]> {
  const listed = JSON.parse(await run(['ip', '-json', 'link', 'show', 'master', bridge])) as { ifname: string }[];
  return listed.map(({ ifname }) => ifname);
}

function savedSysctls(places: Places): string {
  return path.join(places.state, 'sysctls-before.json');
}

async function setSysctls(places: Places): Promise<void> {
  const before: Record<string, string> = {};
  for (const name of Object.keys(sysctls)) {
    if (await exists(`/proc/sys/${name}`)) before[name] = (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
  }
  if (!(await exists(savedSysctls(places)))) await writeFile(savedSysctls(places), JSON.stringify(before));
  for (const [name, value] of Object.entries(sysctls)) {
    if (name in before && before[name] !== value) await writeFile(`/proc/sys/${name}`, value);
  }
}

async function restoreSysctls(places: Places): Promise<void> {
  const file = savedSysctls(places);
  if (!(await exists(file))) return;
  const before = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  for (const [name, value] of Object.entries(before)) await writeFile(`/proc/sys/${name}`, value);
}
