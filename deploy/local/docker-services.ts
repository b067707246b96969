/** Redis, the registry and the builders beside a cluster that is not ours to make: with a Docker that is there already. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks, ports, registryHost } from './addresses.ts';
import { dockerEnvironment } from './base-images.ts';
import { pingDocker } from './docker.ts';
import { exists } from './files.ts';
import { ip } from './host-network.ts';
import type { Places } from './places.ts';
import { startRedis } from './redis.ts';
import { registryAnswers } from './registry.ts';
import { run, RunError } from './run.ts';
import type { Tools } from './tools.ts';
import { waitUntil } from './wait.ts';

export const registryContainer = 'berth-local-registry';
const untrustedContainer = 'berth-local-untrusted';

/** Where the two Docker daemons answer that build. */
export interface Builders {
  readonly dockerHost: string;
  readonly untrustedDockerHost: string;
}

/** Starts what is missing of them. @throws when this Docker cannot do what builds need. */
export async function startServices(places: Places, tools: Tools): Promise<Builders> {
  const dockerHost = (await run(['docker', 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim();
  await requireImageStore();
  await startRedis(places, tools.redisServer);
  await startRegistry();
  for (const name of ['busybox:stable', 'redis:7']) await copyImage(places, tools, dockerHost, name, name);
  return { dockerHost, untrustedDockerHost: await startUntrusted(places) };
}

/** Removes the containers, and the bridge of one of them. */
export async function stopServices(): Promise<void> {
  await remove(untrustedContainer);
  const bridge = networks.untrustedBuildBridge;
  if (await exists(`/sys/class/net/${bridge}`)) await ip('link', 'delete', bridge);
  await remove(registryContainer);
}

/** Puts an official image into the registry, for this machine's kind of processor alone. */
export async function copyImage(
  places: Places,
  tools: Pick<Tools, 'buildx'>,
  dockerHost: string,
  official: string,
  name: string,
): Promise<string> {
  const image = `${registryHost}/library/${name}`;
  await run([tools.buildx, 'build', '--push', '--provenance=false', '--tag', image, '-'], {
    input: `FROM docker.io/library/${official}\n`,
    log: path.join(places.logs, 'base-images.log'),
    env: dockerEnvironment(places, dockerHost),
  });
  return image;
}

/** Whether this Docker's BuildKit can write to a registry by itself, with its cache. Source: docs.docker.com/build/cache/backends */
async function requireImageStore(): Promise<void> {
  if ((await run(['docker', 'info', '--format', '{{json .DriverStatus}}'])).includes('io.containerd.snapshotter'))
    return;
  throw new Error(
    'Docker keeps images in its old store: set "features": {"containerd-snapshotter": true} in /etc/docker/daemon.json and restart it',
  );
}

async function startRegistry(): Promise<void> {
  const publish = `127.0.0.1:${ports.registry}:5000`;
  const deletes = 'REGISTRY_STORAGE_DELETE_ENABLED=true';
  const options = ['--detach', '--restart=always', '--publish', publish, '--env', deletes] as const;
  await run(['docker', 'run', ...options, '--name', registryContainer, 'registry:2']);
  await waitUntil('the registry', registryAnswers);
}

/**
 * A second Docker daemon, in a container, for what forks bring: a BuildKit shares its cache between everything that it builds. It
 * has the network of the machine, so that the registry has the same name for it; on that it has a bridge for builds of its own,
 * and leaves firewall and forwarding to the other daemon.
 */
async function startUntrusted(places: Places): Promise<string> {
  const folder = path.join(places.run, 'untrusted');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const config = path.join(folder, 'daemon.json');
  await writeFile(config, JSON.stringify(untrustedConfiguration));
  const bridge = networks.untrustedBuildBridge;
  await ip('link', 'add', bridge, 'type', 'bridge');
  const prefix = networks.untrustedBuildCidr.split('/')[1];
  await ip('address', 'add', `${networks.untrustedBuildGateway}/${prefix}`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');
  const mounts = [`${folder}:/run/untrusted`, `${config}:/etc/docker/daemon.json:ro`].map((each) => `--volume=${each}`);
  const daemon = ['dockerd', '--host=unix:///run/untrusted/docker.sock', `--group=${process.getgid?.() ?? 0}`] as const;
  const options = ['--detach', '--privileged', '--network=host', ...mounts, '--name', untrustedContainer] as const;
  await run(['docker', 'run', ...options, 'docker:29-dind', ...daemon]);
  const host = `unix://${path.join(folder, 'docker.sock')}`;
  await waitUntil('the builder for forks', () => pingDocker(host)).catch(async (cause: unknown) => {
    throw new Error(await run(['docker', 'logs', '--tail=20', untrustedContainer]), { cause });
  });
  return host;
}

const untrustedConfiguration = {
  features: { 'containerd-snapshotter': true },
  bridge: networks.untrustedBuildBridge,
  iptables: false,
  ip6tables: false,
  'userland-proxy': false,
} as const;

async function remove(container: string): Promise<void> {
  await run(['docker', 'rm', '--force', '--volumes', container]).catch((error: unknown) => {
    // "No such container" is what we want; a Docker that does not answer can hold none of ours that runs.
    if (!(error instanceof RunError)) throw error;
  });
}
