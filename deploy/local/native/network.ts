import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks } from '../addresses.ts';
import { exists } from '../files.ts';
import type { Places } from '../places.ts';
import { run } from '../run.ts';

const comment = 'berth local stack';

const sysctls = { 'net/ipv4/ip_forward': '1', 'net/bridge/bridge-nf-call-iptables': '1' } as const;

const bridges = [
  { name: networks.podBridge, gateway: networks.podGateway, cidr: networks.podCidr },
  { name: networks.buildBridge, gateway: networks.buildGateway, cidr: networks.buildCidr },
  { name: networks.untrustedBuildBridge, gateway: networks.untrustedBuildGateway, cidr: networks.untrustedBuildCidr },
] as const;

type Bridge = (typeof bridges)[number];

/** Makes the bridges for pods and for builds that are not there yet, and lets what hangs on them reach the outside. */
export async function createNetwork(places: Places): Promise<void> {
  await setSysctls(places);
  for (const bridge of bridges) if (!(await exists(`/sys/class/net/${bridge.name}`))) await createBridge(bridge);
}

/** Takes back everything `createNetwork` made, and the network devices of pods that are gone. */
export async function removeNetwork(places: Places): Promise<void> {
  for (const { name } of bridges) {
    if (!(await exists(`/sys/class/net/${name}`))) continue;
    for (const device of await devicesOn(name)) await removeDevice(device);
    await run(['ip', 'link', 'delete', name]);
  }
  await restoreSysctls(places);
}

/** Whether an `iptables-save` line is one of `createNetwork`'s rules. */
export function isOurRule(line: string): boolean {
  return line.startsWith('-A ') && line.includes(`--comment "${comment}"`);
}

function rulesFor({ name, cidr }: Bridge): { readonly table: string; readonly spec: readonly string[] }[] {
  const marked = ['-m', 'comment', '--comment', comment];
  // A Docker on the same machine may have set the policy of FORWARD to DROP.
  const forward = (direction: '-i' | '-o') => ({
    table: 'filter',
    spec: ['FORWARD', direction, name, ...marked, '-j', 'ACCEPT'],
  });
  const masquerade = {
    table: 'nat',
    spec: ['POSTROUTING', '-s', cidr, '!', '-o', name, ...marked, '-j', 'MASQUERADE'],
  };
  return [masquerade, forward('-i'), forward('-o')];
}

async function createBridge(bridge: Bridge): Promise<void> {
  const { name, gateway, cidr } = bridge;
  await run(['ip', 'link', 'add', name, 'type', 'bridge']);
  await run(['ip', 'address', 'add', `${gateway}/${cidr.split('/')[1]}`, 'dev', name]);
  await run(['ip', 'link', 'set', name, 'up']);
  for (const rule of rulesFor(bridge)) await run(['iptables', '-w', '-t', rule.table, '-I', ...rule.spec]);
}

/** The kernel itself removes the device of a pod that has just ended: gone before our own request is as good as removed by it. */
async function removeDevice(device: string): Promise<void> {
  try {
    await run(['ip', 'link', 'delete', device]);
  } catch (error) {
    if (await exists(`/sys/class/net/${device}`)) throw error;
  }
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
