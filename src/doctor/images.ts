/**
 * Whether images find their way: each BuildKit builds a tiny one and pushes it, we find it in the registry, and a node of
 * the cluster pulls it. What was made is removed again.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildxBuilder } from '../adapters/buildx/buildx-builder.ts';
import { type Endpoint, parseEndpoint } from '../adapters/buildx/endpoint.ts';
import { buildxVersion, inspectEndpoint, type InspectOptions } from '../adapters/buildx/inspect.ts';
import { DiagnosedError } from '../domain/errors.ts';
import type { StoredImage } from '../ports.ts';
import { ok, problem, type Report, reasonOf, warning } from './finding.ts';
import type { Check } from './run-checks.ts';
import { isOlder } from './version.ts';

export interface ImageOptions extends InspectOptions {
  /** As in BERTH_BUILDKIT. */
  readonly endpoints: readonly string[];
  readonly registry: string;
  readonly insecureRegistries: readonly string[];
  readonly platform: string;
  /** What our images are labelled with. */
  readonly instance: string;
  /** Whether to build, push and pull; otherwise everything is only looked at. */
  readonly tryOut: boolean;
}

/** The oldest that Berth was run with. */
const minimumBuildx = [0, 13] as const;
const buildTimeoutMs = 60_000;
const cleanUpMs = 10_000;

/** What was pushed, for whoever wants to pull it; `undefined` when nothing was. */
export interface Pushed {
  readonly image: Promise<StoredImage | undefined>;
  /** To be called when nobody needs the image any more. */
  readonly release: () => void;
}

/** The build check, and its image, which stays in the registry until it is released. */
export function imagesCheck(options: ImageOptions): { readonly check: Check; readonly pushed: Pushed } {
  const { promise: image, resolve: onPushed } = Promise.withResolvers<StoredImage | undefined>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const check: Check = {
    name: 'images',
    timeoutMs: 120_000,
    todo: 'See whether BERTH_DATA_DIR can be written, and whether BuildKit and the registry have too much to do.',
    async run(report, signal) {
      const images: StoredImage[] = [];
      try {
        await buildxFinding(options, report, signal);
        await mkdir(options.directory, { recursive: true });
        for (const text of options.endpoints) {
          const image = await tryEndpoint(text, options, report, signal);
          if (image === undefined) continue;
          images.push(image);
          onPushed(image);
        }
      } finally {
        onPushed(undefined);
        if (images.length > 0) await cleanUp(images, options, released, report, signal);
      }
    },
  };
  return { check, pushed: { image, release } };
}

async function buildxFinding(options: ImageOptions, report: Report, signal: AbortSignal): Promise<void> {
  try {
    const version = await buildxVersion(options, signal);
    report(
      isOlder(version, minimumBuildx)
        ? problem(`buildx is ${version}`, 'Install buildx 0.13 or later.')
        : ok(`buildx ${version}`),
    );
  } catch (error) {
    report(problem(`cannot run buildx: ${reasonOf(error)}`, 'Let BERTH_BUILDX name the docker-buildx program.'));
  }
}

/** @returns the image that was pushed. */
async function tryEndpoint(
  text: string,
  options: ImageOptions,
  report: Report,
  signal: AbortSignal,
): Promise<StoredImage | undefined> {
  let endpoint: Endpoint;
  try {
    endpoint = parseEndpoint(text);
  } catch (error) {
    report(problem(reasonOf(error), 'Correct BERTH_BUILDKIT.'));
    return undefined;
  }
  try {
    const { version, platforms } = await inspectEndpoint(endpoint, options, signal);
    const seen = `BuildKit ${version === undefined ? '' : `${version} `}at ${endpoint.url}`;
    if (!platforms.includes(options.platform)) {
      report(
        problem(
          `${seen} builds for ${platforms.join(', ')}, not ${options.platform}`,
          'Let BERTH_PLATFORM be one of these, or use another BuildKit.',
        ),
      );
      return undefined;
    }
    report(ok(`${seen} builds for ${options.platform}`));
  } catch (error) {
    signal.throwIfAborted();
    report(
      problem(
        `BuildKit: ${reasonOf(error)}`,
        'Start it, or take it out of BERTH_BUILDKIT: builds lose two seconds on it each time.',
      ),
    );
    return undefined;
  }
  if (!options.tryOut) return undefined;
  return await tryBuild(endpoint, options, report, signal);
}

async function tryBuild(
  endpoint: Endpoint,
  options: ImageOptions,
  report: Report,
  signal: AbortSignal,
): Promise<StoredImage | undefined> {
  const startedAt = performance.now();
  const ref = `${options.registry}/berth-doctor:${randomBytes(6).toString('hex')}`;
  const contextPath = await contextIn(options.directory);
  const builder = builderAt([endpoint], options);
  try {
    const dockerfilePath = path.join(contextPath, 'Dockerfile');
    const request = {
      ref,
      contextPath,
      dockerfilePath,
      target: undefined,
      args: {},
      labels: {},
      trust: 'trusted',
    } as const;
    const lines: string[] = [];
    const { digest } = await builder
      .build(request, (line) => lines.push(line), signal)
      .catch((error: unknown) => {
        throw new PushError(pushReason(error, lines), { cause: error });
      });
    report(ok(`built and pushed an image to ${options.registry} in ${seconds(startedAt)}`));
    if ((await builder.digestOf(ref, signal)) === digest) return { ref, digest };
    report(
      problem(
        `the registry ${options.registry} does not show Berth what BuildKit has pushed`,
        'Give the credentials in BERTH_DOCKER_CONFIG the right to pull.',
      ),
    );
    return { ref, digest };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PushError)
      report(
        problem(
          `building and pushing ${ref} failed: ${error.message}`,
          'Let BuildKit reach the registry, and BERTH_DOCKER_CONFIG hold credentials that may push there.',
        ),
      );
    else
      report(
        problem(
          reasonOf(error),
          'Let this machine reach the registry, and BERTH_DOCKER_CONFIG hold credentials that may pull from it.',
        ),
      );
    return undefined;
  } finally {
    await rm(contextPath, { recursive: true, force: true });
  }
}

class PushError extends Error {}

/** BuildKit's own last words say more than that the build has failed. */
function pushReason(error: unknown, lines: readonly string[]): string {
  if (error instanceof DiagnosedError) return error.diagnosis.message;
  const said = lines.findLast((line) => /error|failed|denied|refused/i.test(line));
  return said ?? reasonOf(error);
}

async function contextIn(directory: string): Promise<string> {
  const contextPath = await mkdtemp(path.join(directory, 'doctor-'));
  await writeFile(path.join(contextPath, 'Dockerfile'), 'FROM scratch\nCOPY nonce /nonce\n');
  // Unlike any image that a node has pulled before.
  await writeFile(path.join(contextPath, 'nonce'), randomBytes(16));
  return contextPath;
}

function builderAt(endpoints: readonly Endpoint[], options: ImageOptions) {
  return buildxBuilder({
    endpoints,
    instance: options.instance,
    buildxPath: options.buildxPath,
    directory: options.directory,
    ...(options.configDirectory === undefined ? {} : { configDirectory: options.configDirectory }),
    insecureRegistries: options.insecureRegistries,
    buildTimeoutMs,
  });
}

/** Waits until the images are released; then with a time of its own, for it also runs after everything was aborted. */
async function cleanUp(
  images: readonly StoredImage[],
  options: ImageOptions,
  released: Promise<void>,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([released, aborted]);
  const builder = builderAt([], options);
  try {
    for (const image of images) await builder.removeImage(image, AbortSignal.timeout(cleanUpMs));
  } catch (error) {
    const names = images.map(({ ref }) => ref).join(', ');
    report(
      warning(
        `the registry keeps ${names}: ${reasonOf(error)}`,
        'Allow deletion in the registry: otherwise it only ever grows.',
      ),
    );
  }
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
