import { readFile, rename, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { apiAccess } from './api.ts';
import { hostsFile } from './dns-records.ts';
import type { Endpoints, Service } from './dns-records.ts';
import { follow } from './watch.ts';

// A program of its own: keeps dnsmasq's hosts file equal to the cluster's services until it is ended.
//   dns-feed.ts <kubeconfig> <hosts file> <dnsmasq's pid file>
const [kubeconfig = '', hosts = '', pidFile = ''] = process.argv.slice(2);

const services = new Map<string, Service>();
const endpoints = new Map<string, Endpoints>();
let synced = 0;
let written = '';
let writing = Promise.resolve();
let scheduled = false;

/** Changes come in bursts, and dnsmasq reads the whole file each time, so they are gathered for a moment. */
function changed(): void {
  if (scheduled) return;
  scheduled = true;
  writing = writing.then(write);
}

async function write(): Promise<void> {
  await delay(20);
  scheduled = false;
  if (synced < 2) return;
  const text = hostsFile([...services.values()], endpoints);
  if (text === written) return;
  await writeFile(`${hosts}.new`, text, { mode: 0o600 });
  await rename(`${hosts}.new`, hosts);
  process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGHUP');
  written = text;
}

function listed(): void {
  synced += 1;
  changed();
}

const access = await apiAccess(kubeconfig);
await Promise.all([
  follow(access, '/api/v1/services', services, changed, listed),
  follow(access, '/api/v1/endpoints', endpoints, changed, listed),
]);
