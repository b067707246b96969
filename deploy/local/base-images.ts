import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { registryHost } from './addresses.ts';
import { onPath } from './files.ts';
import type { Places } from './places.ts';
import { hasImage } from './registry.ts';
import { run } from './run.ts';
import type { Tools } from './tools.ts';

/** The image of every pod's sandbox in the native cluster. */
export const pauseImage = `${registryHost}/library/pause:3.2`;

const recipes = fileURLToPath(new URL('base-images', import.meta.url));

/** An image that is made here, of what this machine has. */
export interface BaseImage {
  /** Also the name of its folder of recipes. */
  readonly name: string;
  readonly tag: string;
  /** What, besides the recipe, makes an older image stale. */
  readonly version?: string;
  /** Images that the recipe starts from, by the names that it calls them. */
  readonly from?: Readonly<Record<string, string>>;
  /** Puts the files that the recipe calls `files` below a folder. */
  readonly gather: (folder: string) => Promise<void>;
}

/** Builds the images that other images and charts start from, where the registry lacks them. */
export async function pushBaseImages(
  places: Places,
  tools: Tools,
  dockerHost: string,
  tree: string,
  kubernetes: string,
) {
  const images: readonly BaseImage[] = [
    { name: 'pause', tag: '3.2', gather: (folder) => cp(path.join(kubernetes, 'pause'), path.join(folder, 'pause')) },
    {
      name: 'busybox',
      tag: 'stable',
      gather: (folder) => copyUnder(folder, path.join(tree, 'bin/busybox'), '/bin/busybox'),
    },
    {
      name: 'redis',
      tag: '7',
      gather: async (folder) => {
        await copyUnder(folder, path.join(tree, 'bin/busybox'), '/bin/busybox');
        await gatherRedis(folder, tools.redisServer);
      },
    },
  ];
  await Promise.all(images.map((image) => pushImage(places, tools, dockerHost, image)));
}

/** Builds an image where the registry lacks it. @returns how other images and pods name it. */
export async function pushImage(
  places: Places,
  tools: Tools,
  dockerHost: string,
  { name, tag, version = '', from = {}, gather }: BaseImage,
): Promise<string> {
  const recipe = path.join(recipes, name);
  const image = `${registryHost}/library/${name}:${tag}`;
  // A second tag says by which recipe the image was made.
  const made = `recipe-${await digestOf(recipe, version)}`;
  if ((await hasImage(`library/${name}`, tag)) && (await hasImage(`library/${name}`, made))) return image;
  const files = path.join(places.run, 'base-images', name);
  await rm(files, { recursive: true, force: true });
  await mkdir(files, { recursive: true });
  await gather(files);
  const tags = [tag, made].flatMap((each) => ['--tag', `${registryHost}/library/${name}:${each}`]);
  const contexts = [`files=${files}`, ...Object.entries(from).map(([base, ref]) => `${base}=docker-image://${ref}`)];
  const named = contexts.flatMap((context) => ['--build-context', context]);
  await run([tools.buildx, 'build', '--push', '--provenance=false', ...tags, ...named, recipe], {
    log: path.join(places.logs, 'base-images.log'),
    env: dockerEnvironment(places, dockerHost),
  });
  await rm(files, { recursive: true });
  return image;
}

/** The environment in which docker and buildx see our dockerd and none of the user's contexts. */
export function dockerEnvironment(places: Places, dockerHost: string): NodeJS.ProcessEnv {
  const config = path.join(places.run, 'docker-config');
  return { ...process.env, DOCKER_HOST: dockerHost, DOCKER_CONFIG: config, BUILDX_CONFIG: path.join(config, 'buildx') };
}

async function gatherRedis(folder: string, server: string): Promise<void> {
  const client = await onPath('redis-cli');
  if (!client) throw new Error('redis-cli is missing: install redis-tools');
  await copyUnder(folder, server, '/usr/bin/redis-server');
  await copyUnder(folder, client, '/usr/bin/redis-cli');
  for (const program of [server, client]) {
    for (const [library] of (await run(['ldd', program])).matchAll(/\/\S+/g)) await copyUnder(folder, library, library);
  }
}

/** Copies what a path finally points to, so that no link leads out of the image. */
export async function copyUnder(folder: string, source: string, target: string): Promise<void> {
  const to = path.join(folder, target);
  await mkdir(path.dirname(to), { recursive: true });
  await cp(await realpath(source), to);
}

async function digestOf(recipe: string, version: string): Promise<string> {
  const hash = createHash('sha256').update(version);
  for (const file of (await readdir(recipe)).sort()) hash.update(file).update(await readFile(path.join(recipe, file)));
  return hash.digest('hex').slice(0, 12);
}
