/** Berth's own image, built from this checkout's Dockerfile. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { berthVersion } from '../../src/package-files.ts';
import { dockerEnvironment } from './base-images.ts';
import { withLock } from './lock.ts';
import { pushDebian, pushNode } from './machine-images.ts';
import { placesIn } from './places.ts';
import type { Places } from './places.ts';
import { type Progress, progressTo } from './progress.ts';
import { hasImage } from './registry.ts';
import { run } from './run.ts';
import type { LocalStack } from './stack.ts';
import type { Tools } from './tools.ts';

/** An image in the stack's registry. */
export interface BuiltImage {
  /** As a pod names it: `<repository>@<digest>`. */
  readonly reference: string;
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly tag: string;
}

export interface BerthImageOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly progress?: Progress;
  /** Default: the version in package.json. The digest is another for another version. */
  readonly version?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

const repository = 'berth-dev/berth';
/** Stages of the Dockerfile that take minutes, all that they are made of, and seldom anything else. */
const lastingStages = ['bundler', 'foundation'] as const;
const lastingSources = ['Dockerfile', 'package.json', 'package-lock.json', '.npmrc', 'deploy/image/system.sh'] as const;

/**
 * Builds the image and pushes it to the stack's registry, in seconds where nothing has changed.
 *
 * Where images can be pulled it is what anybody would build; where not, images that were made of this machine's
 * packages take the place of those that the Dockerfile starts from.
 */
export async function buildBerthImage(stack: LocalStack, options: BerthImageOptions = {}): Promise<BuiltImage> {
  const places = placesIn(options.env ?? process.env);
  const progress = options.progress ?? progressTo((text) => process.stderr.write(text));
  return withLock(
    'berth-local-image',
    () => progress.say('waiting for another build of the image to finish …'),
    async () => {
      const bases = stack.cluster === 'native' ? await machineBases(stack, places, progress) : [];
      const stages = await progress.step("finding what Berth's image is made of (two minutes at first)", () =>
        pushStages(stack, places, bases),
      );
      return progress.step("building Berth's image", () =>
        build(stack, places, [...bases, ...stages], options.version),
      );
    },
  );
}

async function build(
  stack: LocalStack,
  places: Places,
  contexts: readonly string[],
  givenVersion: string | undefined,
): Promise<BuiltImage> {
  const version = givenVersion ?? berthVersion();
  const named = `${stack.registry}/${repository}`;
  const metadata = path.join(places.run, 'berth-image.json');
  await buildAndPush(stack, places, `${named}:${version}`, [
    `--metadata-file=${metadata}`,
    `--build-arg=VERSION=${version}`,
    `--build-arg=REVISION=${await revision(stack.tools)}`,
    ...contexts.map((context) => `--build-context=${context}`),
  ]);
  const { 'containerimage.digest': digest } = JSON.parse(await readFile(metadata, 'utf8')) as {
    readonly 'containerimage.digest': string;
  };
  return { reference: `${named}@${digest}`, repository: named, digest, tag: version };
}

/**
 * Puts the lasting stages into the registry where it lacks them: BuildKit's own memory of them ends with the stack.
 * @returns what stands for each, as buildx takes it.
 */
async function pushStages(stack: LocalStack, places: Places, bases: readonly string[]): Promise<readonly string[]> {
  const hash = createHash('sha256').update([process.version, ...bases].join('\n'));
  for (const file of lastingSources) hash.update(file).update(await readFile(path.join(root, file)));
  const tag = hash.digest('hex').slice(0, 12);
  const contexts: string[] = [];
  for (const stage of lastingStages) {
    const image = `${stack.registry}/${repository}/${stage}:${tag}`;
    if (!(await hasImage(`${repository}/${stage}`, tag))) {
      await buildAndPush(stack, places, image, [
        `--target=${stage}`,
        ...bases.map((context) => `--build-context=${context}`),
      ]);
    }
    contexts.push(`${stage}=docker-image://${image}`);
  }
  return contexts;
}

async function buildAndPush(
  { tools, dockerHost }: LocalStack,
  places: Places,
  image: string,
  options: readonly string[],
): Promise<void> {
  const always = ['--push', '--provenance=false', '--progress=plain', `--tag=${image}`] as const;
  await run([tools.buildx, 'build', ...always, ...options, root], {
    log: path.join(places.logs, 'berth-image.log'),
    env: dockerEnvironment(places, dockerHost),
  });
}

/** What stands for each image that the Dockerfile names, as buildx takes it. */
async function machineBases(
  { tools, dockerHost }: LocalStack,
  places: Places,
  progress: Progress,
): Promise<readonly string[]> {
  return progress.step('finding the images that it starts from (two minutes at first)', async () => {
    const debian = await pushDebian(places, tools, dockerHost);
    const node = await pushNode(places, tools, dockerHost, debian);
    const programs = path.join(places.cache, 'image-programs');
    await copyProgram(tools.helm, path.join(programs, 'helm/usr/bin/helm'));
    await copyProgram(tools.buildx, path.join(programs, 'buildx/buildx'));
    const dockerfile = await readFile(path.join(root, 'Dockerfile'), 'utf8');
    return [
      `debian:bookworm-slim=docker-image://${debian}`,
      `node:24-bookworm-slim=docker-image://${node}`,
      `${baseNamed('alpine/helm', dockerfile)}=${path.join(programs, 'helm')}`,
      `${baseNamed('docker/buildx-bin', dockerfile)}=${path.join(programs, 'buildx')}`,
    ];
  });
}

/** The image of that repository with the tag that the Dockerfile gives it. */
function baseNamed(repository: string, dockerfile: string): string {
  const [, name] = new RegExp(`^FROM (${repository}:\\S+)`, 'm').exec(dockerfile) ?? [];
  if (!name) throw new Error(`the Dockerfile starts nothing from ${repository}`);
  return name;
}

async function copyProgram(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  // With its time: buildx sends again what seems to be new.
  await cp(from, to, { preserveTimestamps: true, dereference: true });
}

/** The commit that is checked out; `unknown` in what is no clone. */
async function revision({ git }: Pick<Tools, 'git'>): Promise<string> {
  return run([git, 'rev-parse', 'HEAD'], { cwd: root }).then(
    (output) => output.trim(),
    () => 'unknown',
  );
}
