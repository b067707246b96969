import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import { pingDocker } from '../docker.ts';
import type { Places } from '../places.ts';
import { treePath } from '../tools.ts';
import { cgroupRoot, createCgroups } from './cgroups.ts';
import { containerdSocket } from './containerd.ts';

/**
 * The Docker daemons that build. What a pull request from a fork brings is built by one of its own, for a BuildKit shares its cache
 * between everything that it builds.
 */
const builders = {
  trusted: { daemon: 'dockerd', name: 'docker', namespace: 'berth-build', bridge: networks.buildBridge },
  untrusted: {
    daemon: 'dockerd-untrusted',
    name: 'docker-untrusted',
    namespace: 'berth-untrusted-build',
    bridge: networks.untrustedBuildBridge,
  },
} as const;

export type BuilderTrust = keyof typeof builders;

/** Where the dockerd answers. */
export function dockerHost(places: Places, trust: BuilderTrust = 'trusted'): string {
  return `unix://${path.join(places.run, `${builders[trust].name}.sock`)}`;
}

/** The name of its daemon. */
export function dockerDaemon(trust: BuilderTrust): string {
  return builders[trust].daemon;
}

/** Starts a dockerd for builds, apart from any other Docker on the machine. */
export async function startDockerd(places: Places, tree: string, trust: BuilderTrust = 'trusted'): Promise<void> {
  const { daemon, name, namespace } = builders[trust];
  await createCgroups();
  await mkdir(path.join(places.run, name), { recursive: true });
  // The process of one that was killed may still wait to be collected, which Docker takes for a sign of life.
  await rm(pidFile(places, trust), { force: true });
  const config = path.join(places.run, `${daemon}.json`);
  await writeFile(config, JSON.stringify(configuration(places, trust), undefined, 2));
  await startDaemon(places, {
    name: daemon,
    argv: [
      path.join(tree, 'usr/sbin/dockerd'),
      '--config-file',
      config,
      '--containerd-plugins-namespace',
      `${namespace}-plugins`,
    ],
    env: { ...process.env, PATH: treePath(tree) },
    ready: () => pingDocker(dockerHost(places, trust)),
  });
}

function pidFile(places: Places, trust: BuilderTrust): string {
  return path.join(places.run, `${builders[trust].daemon}.pid`);
}

function configuration(places: Places, trust: BuilderTrust): object {
  const { name, namespace, bridge } = builders[trust];
  return {
    hosts: [dockerHost(places, trust)],
    pidfile: pidFile(places, trust),
    'data-root': path.join(places.scratch, name),
    'exec-root': path.join(places.run, name),
    containerd: containerdSocket(places),
    'containerd-namespace': namespace,
    'cgroup-parent': cgroupRoot,
    // Without it BuildKit cannot import and export its cache through a registry.
    features: { 'containerd-snapshotter': true },
    bridge,
    // Two dockerds would fight over the same chains; the one rule that builds need is ours.
    iptables: false,
    ip6tables: false,
    'userland-proxy': false,
    'max-concurrent-uploads': 10,
    'log-level': 'warn',
  };
}
