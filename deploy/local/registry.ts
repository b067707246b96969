import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { podRegistryHost, registryHost } from './addresses.ts';
import { startDaemon } from './daemons.ts';
import { exists } from './files.ts';
import type { Places } from './places.ts';
import { run } from './run.ts';

/** Where clients that say `localhost` find it. */
const loopback = registryHost.replace('localhost', '127.0.0.1');

/** What the stack itself keeps, below these names; all else was made for a cluster that is no more. */
const lasting = ['library', 'berth-dev'];

/** Starts the image registry on the loopback. The images that the stack itself has pushed survive restarts. */
export async function startRegistry(places: Places, tree: string): Promise<void> {
  const program = path.join(tree, 'usr/bin/docker-registry');
  const config = await writeConfiguration(places, 'registry', loopback);
  await forgetPreviews(places);
  await collectGarbage(places, program, config);
  await startDaemon(places, { name: 'registry', argv: [program, 'serve', config], ready: registryAnswers });
}

/**
 * Starts a second door to the same images, for pods, whose loopback is another. It opens no network of the machine's own to
 * strangers, as listening everywhere would. The registry keeps nothing in memory, so that two of them agree.
 */
export async function startPodRegistry(places: Places, tree: string): Promise<void> {
  const config = await writeConfiguration(places, 'registry-pods', podRegistryHost);
  await startDaemon(places, {
    name: 'registry-pods',
    argv: [path.join(tree, 'usr/bin/docker-registry'), 'serve', config],
    ready: () => answers(podRegistryHost),
  });
}

/** Where the registry keeps the names of its images. Source: distribution.github.io/distribution, "Filesystem storage driver". */
function repositoriesOf(places: Places): string {
  return path.join(places.registry, 'docker/registry/v2/repositories');
}

/** The registry's API lists repositories by walking through all of them, and removes none. */
async function forgetPreviews(places: Places): Promise<void> {
  const folder = repositoriesOf(places);
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => !lasting.includes(name));
  await Promise.all(left.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}

/** Deleting an image only forgets it; its layers go here, while nobody can be pushing. */
async function collectGarbage(places: Places, program: string, config: string): Promise<void> {
  if (!(await exists(repositoriesOf(places)))) return;
  const log = path.join(places.logs, 'registry-garbage.log');
  // A half-written image stops it; what that costs is disk space, not the stack.
  await run([program, 'garbage-collect', config], { log }).catch(() => undefined);
}

/** Whether the registry answers. */
export async function registryAnswers(): Promise<boolean> {
  return answers(registryHost);
}

async function answers(host: string): Promise<boolean> {
  return (await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(2000) })).ok;
}

/** Whether the registry has an image under `repository:tag`. */
export async function hasImage(repository: string, tag: string): Promise<boolean> {
  const accept = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ].join(', ');
  const url = `http://${registryHost}/v2/${repository}/manifests/${tag}`;
  return (await fetch(url, { method: 'HEAD', headers: { accept }, signal: AbortSignal.timeout(5000) })).ok;
}

async function writeConfiguration(places: Places, name: string, listen: string): Promise<string> {
  const file = path.join(places.run, `${name}.yml`);
  await mkdir(places.registry, { recursive: true });
  await writeFile(file, JSON.stringify(configuration(places, listen), undefined, 2)); // JSON is YAML
  return file;
}

function configuration(places: Places, listen: string): object {
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: places.registry }, delete: { enabled: true } },
    http: { addr: listen },
  };
}
