import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { networks } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import { exists, onPath } from '../files.ts';
import { run } from '../run.ts';
import type { ControlPlaneContext } from './control-plane.ts';

/** The files that the feed writes for dnsmasq and itself. */
interface DnsFiles {
  /** Host records in the format of /etc/hosts. */
  readonly hosts: string;
  readonly pid: string;
}

/** Starts the pods' name server, fed with the services of the cluster. */
export async function startDns({ places, pki }: ControlPlaneContext): Promise<void> {
  const folder = path.join(places.run, 'dns');
  await mkdir(folder, { recursive: true });
  const files: DnsFiles = { hosts: path.join(folder, 'hosts'), pid: path.join(folder, 'dnsmasq.pid') };
  await writeFile(files.hosts, '');
  const dnsmasq = await onPath('dnsmasq');
  if (!dnsmasq) throw new Error('dnsmasq is missing: install dnsmasq-base');
  await startDaemon(places, {
    name: 'dnsmasq',
    argv: [
      dnsmasq,
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--user=root', // the hosts file is readable by its owner alone
      '--group=root',
      '--no-hosts',
      '--bind-interfaces',
      '--except-interface=lo',
      `--listen-address=${networks.podGateway}`,
      '--local=/cluster.local/',
      '--domain-needed',
      '--bogus-priv',
      '--local-ttl=2',
      `--addn-hosts=${files.hosts}`,
      `--pid-file=${files.pid}`,
      '--log-facility=-',
    ],
    ready: () => exists(files.pid),
  });
  const feed = fileURLToPath(new URL('dns-feed.ts', import.meta.url));
  await startDaemon(places, {
    name: 'dns-feed',
    // The proxy's rights are the right ones: to see services and endpoints.
    argv: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      feed,
      pki.kubeconfig('proxy'),
      files.hosts,
      files.pid,
    ],
    ready: async () => (await run(['grep', '-c', 'kubernetes.default', files.hosts], { timeoutMs: 5000 })) !== '0\n',
  });
}
