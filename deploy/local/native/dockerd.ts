import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import { pingDocker } from '../docker.ts';
import type { Places } from '../places.ts';
import { treePath } from '../tools.ts';
import { cgroupRoot, createCgroups } from './cgroups.ts';
import { containerdSocket } from './containerd.ts';

/** Where our dockerd answers. */
export function dockerHost(places: Places): string {
  return `unix://${path.join(places.run, 'docker.sock')}`;
}

/** Starts a dockerd for builds, apart from any other Docker on the machine. */
export async function startDockerd(places: Places, tree: string): Promise<void> {
  await createCgroups();
  await mkdir(path.join(places.run, 'docker'), { recursive: true });
  const config = path.join(places.run, 'dockerd.json');
  await writeFile(config, JSON.stringify(configuration(places), undefined, 2));
  await startDaemon(places, {
    name: 'dockerd',
    argv: [
      path.join(tree, 'usr/sbin/dockerd'),
      '--config-file',
      config,
      '--containerd-plugins-namespace',
      'berth-build-plugins',
    ],
    env: { ...process.env, PATH: treePath(tree) },
    ready: () => pingDocker(dockerHost(places)),
  });
}

function configuration(places: Places): object {
  return {
    hosts: [dockerHost(places)],
    pidfile: path.join(places.run, 'dockerd.pid'),
    'data-root': path.join(places.scratch, 'docker'),
    'exec-root': path.join(places.run, 'docker'),
    containerd: containerdSocket(places),
    'containerd-namespace': 'berth-build',
    'cgroup-parent': cgroupRoot,
    // Without it BuildKit cannot import and export its cache through a registry.
    features: { 'containerd-snapshotter': true },
    bridge: networks.buildBridge,
    // Two dockerds would fight over the same chains; the one rule that builds need is ours.
    iptables: false,
    ip6tables: false,
    'userland-proxy': false,
    'max-concurrent-uploads': 10,
    'log-level': 'warn',
  };
}
