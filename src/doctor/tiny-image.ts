/** The image that the doctor makes to see whether images can be made. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildxBuilder } from '../adapters/buildx/buildx-builder.ts';
import type { Endpoint } from '../adapters/buildx/endpoint.ts';
import type { InspectOptions } from '../adapters/buildx/inspect.ts';
import { DiagnosedError } from '../domain/errors.ts';
import type { Trust } from '../domain/preview.ts';
import type { BuildRequest, StoredImage } from '../ports.ts';
import { ok, problem, type Report, reasonOf, warning } from './finding.ts';

export interface ImageOptions extends InspectOptions {
  /** As in BERTH_BUILDKIT. */
  readonly endpoints: readonly string[];
  /** As in BERTH_BUILDKIT_UNTRUSTED. */
  readonly untrustedEndpoints: readonly string[];
  readonly registry: string;
  readonly insecureRegistries: readonly string[];
  readonly platform: string;
  /** What our images are labelled with. */
  readonly instance: string;
  /** Whether to build, push and pull; otherwise everything is only looked at. */
  readonly tryOut: boolean;
}

const buildTimeoutMs = 60_000;
const cleanUpMs = 10_000;

/** Builds and pushes an image at one BuildKit, and looks for it in the registry. @returns it if it was pushed. */
export async function tryBuild(
  endpoint: Endpoint,
  trust: Trust,
  options: ImageOptions,
  keep: (made: StoredImage) => void,
  report: Report,
  signal: AbortSignal,
): Promise<StoredImage | undefined> {
  const startedAt = performance.now();
  const ref = refFor(trust, options);
  // Unlike any image that a node has pulled before.
  const contextPath = await contextIn(options.directory, 'FROM scratch\nCOPY nonce /nonce\n');
  const builder = builderAt([endpoint], options);
  try {
    const lines: string[] = [];
    const { digest } = await builder
      .build(requestFor(ref, trust, contextPath), (line) => lines.push(line), signal)
      .catch((error: unknown) => {
        throw new PushError(pushReason(error, lines), { cause: error });
      });
    keep({ ref, digest });
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

/** Where it would be pushed if it were an image of this trust's. */
function refFor(trust: Trust, { registry }: ImageOptions): string {
  const folder = trust === 'untrusted' ? `${registry}/untrusted` : registry;
  return `${folder}/berth-doctor:${randomBytes(6).toString('hex')}`;
}

function requestFor(ref: string, trust: Trust, contextPath: string): BuildRequest {
  const dockerfilePath = path.join(contextPath, 'Dockerfile');
  return { ref, contextPath, dockerfilePath, target: undefined, args: {}, labels: {}, trust };
}

async function contextIn(directory: string, dockerfile: string): Promise<string> {
  const contextPath = await mkdtemp(path.join(directory, 'doctor-'));
  await writeFile(path.join(contextPath, 'Dockerfile'), dockerfile);
  await writeFile(path.join(contextPath, 'nonce'), randomBytes(16));
  return contextPath;
}

function builderAt(endpoints: readonly Endpoint[], options: ImageOptions) {
  return buildxBuilder({
    endpoints,
    untrustedEndpoints: endpoints,
    ownRegistry: options.registry,
    instance: options.instance,
    buildxPath: options.buildxPath,
    directory: options.directory,
    ...(options.configDirectory === undefined ? {} : { configDirectory: options.configDirectory }),
    insecureRegistries: options.insecureRegistries,
    buildTimeoutMs,
  });
}

/** Whether a BuildKit for forks keeps them from our images: one that is too old would not even say that it does not. */
export async function tryConfinement(
  endpoint: Endpoint,
  image: StoredImage,
  options: ImageOptions,
  keep: (made: StoredImage) => void,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const ref = refFor('untrusted', options);
  const contextPath = await contextIn(options.directory, `FROM ${image.ref}\nCOPY nonce /other\n`);
  try {
    const builder = builderAt([endpoint], options);
    const { digest } = await builder.build(requestFor(ref, 'untrusted', contextPath), () => undefined, signal);
    keep({ ref, digest });
    report(
      problem(
        `${endpoint.url} lets a fork's build read the images of others: it does not heed source policies`,
        'Use BuildKit 0.11 or later, or Docker 24 or later, in BERTH_BUILDKIT_UNTRUSTED.',
      ),
    );
  } catch (error) {
    signal.throwIfAborted();
    report(
      error instanceof DiagnosedError
        ? ok("a fork's build cannot read the images of others")
        : warning(`cannot see whether a fork's build can read the images of others: ${reasonOf(error)}`, 'Try again.'),
    );
  } finally {
    await rm(contextPath, { recursive: true, force: true });
  }
}

/** Takes them out of the registry, with a time of its own, for it also runs after everything was aborted. */
export async function removeImages(
  images: readonly StoredImage[],
  options: ImageOptions,
  report: Report,
): Promise<void> {
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
