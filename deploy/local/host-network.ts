/** Changes to this machine's own network by way of Docker: whoever may use that need not be root. */
import { readFile } from 'node:fs/promises';
import { registryHost } from './addresses.ts';
import { run } from './run.ts';

/** By which our routes are known: nobody else's are ever removed. */
const metric = 41_993;

/** Runs `ip` in the network of this machine. @throws when it says no. */
export async function ip(...args: readonly string[]): Promise<void> {
  const container = ['docker', 'run', '--rm', '--network=host', '--cap-add=NET_ADMIN'] as const;
  await run([...container, `${registryHost}/library/busybox:stable`, 'ip', ...args]);
}

/** Leads these ranges of addresses to a node of the cluster, until `removeRoutes`. */
export async function routeTo(nodeIp: string, cidrs: readonly string[]): Promise<void> {
  for (const cidr of cidrs) await ip('route', 'replace', cidr, 'via', nodeIp, 'metric', `${metric}`);
}

/** Takes back every route that `routeTo` has made; harmless when there is none. */
export async function removeRoutes(): Promise<void> {
  const table = await readFile('/proc/net/route', 'utf8').catch(() => ''); // Linux alone has it, and routes of ours.
  for (const cidr of rangesByMetric(table, metric)) await ip('route', 'del', cidr, 'metric', `${metric}`);
}

/** The destinations of the routes with that metric in a table as `/proc/net/route` has it. */
export function rangesByMetric(table: string, wanted: number): readonly string[] {
  const rows = table.split('\n').map((line) => line.split(/\s+/));
  return rows.flatMap(([, destination = '', , , , , value = '', mask = '']) => {
    if (value !== `${wanted}`) return [];
    const ones = bytesOf(mask).map((byte) => byte.toString(2).replaceAll('0', '').length);
    return [`${bytesOf(destination).join('.')}/${ones.reduce((sum, each) => sum + each, 0)}`];
  });
}

/** The kernel prints an address as the number that its bytes are in memory: backwards on every machine that we know. */
function bytesOf(hexadecimal: string): readonly number[] {
  return [...Buffer.from(hexadecimal, 'hex')].toReversed();
}
