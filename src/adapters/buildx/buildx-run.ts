/** One run of buildx: its directory, its environment, and what its end means. */
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { DiagnosedError } from '../../domain/errors.ts';
import { ExitError, run, TimeoutError } from '../../process.ts';
import { buildArguments, createArguments, environment, secretEnvironment } from './command.ts';
import { confine, type Given, type Limits } from './confinement.ts';
import { judge, timedOut } from './diagnosis.ts';
import type { Endpoint } from './endpoint.ts';
import type { Build } from './examined.ts';
import { Progress } from './progress.ts';
import type { Registry } from './registry.ts';
import { instanceLabel } from './stored-images.ts';

export interface RunOptions {
  readonly instance: string;
  readonly limits: Limits;
  readonly buildxPath: string;
  readonly configDirectory: string | undefined;
  readonly insecureRegistries: readonly string[];
  readonly registryCache: boolean;
  readonly buildTimeoutMs: number;
  readonly directory: string;
  readonly temporaryDirectory: string;
  readonly authoritiesPath?: string | undefined;
}

export interface BuildxRun {
  readonly endpoint: Endpoint;
  readonly build: Build;
  /** Whether the result is pushed; otherwise it only fills BuildKit's cache. */
  readonly push: boolean;
  readonly pushWithDocker: boolean;
  /** For a stranger's build: what it is given in place of our Docker configuration. */
  readonly only: Given | undefined;
  /** Knows whether an image is there for whoever builds. */
  readonly registry: Registry;
}

/** An endpoint that did not even start to build. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** BuildKit cannot go on from what it has in its cache. */
export class LostLayerError extends Error {
  override readonly name = 'LostLayerError';
}

/** BuildKit ends a step of its own accord soon after buildx is asked to end. */
const graceMs = 5_000;

const metadata = z.object({ 'containerimage.digest': z.string().regex(/^sha256:[0-9a-f]{64}$/) });

/**
 * Makes what runs buildx. It resolves with the digest of what was pushed, `''` when nothing was.
 * @throws UnreachableError, LostLayerError; DiagnosedError when the author is at fault; any other error is an outage.
 */
export function buildxRuns(options: RunOptions): (each: BuildxRun) => Promise<string> {
  const { directory, temporaryDirectory, configDirectory } = options;
  /**
   * By this and the context's path BuildKit finds the files it was sent before, and is sent only what has changed.
   * buildx would make up another one in each run's directory.
   * Source: github.com/docker/buildx/blob/master/util/confutil/node.go
   */
  const nodeId = randomBytes(8).toString('hex');

  /** The directory in which buildx knows the endpoint: made once, for it takes a run of its own. */
  async function instances(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    const name = createHash('sha256').update(JSON.stringify(endpoint)).digest('hex').slice(0, 12);
    const known = path.join(directory, `endpoint-${name}`);
    const ready = path.join(known, 'instances');
    if (await exists(ready)) return ready;
    const draft = await mkdtemp(path.join(temporaryDirectory, `${name}-`));
    const env = environment(endpoint, draft, {});
    await run(options.buildxPath, createArguments(endpoint), { signal, env, timeoutMs: 30_000 });
    // Two first builds may do this at once: the second rename fails, for the directory is not empty, and is not needed.
    await rename(draft, known).catch(() => rm(draft, { recursive: true, force: true }));
    return ready;
  }

  return async ({ endpoint, build, push, pushWithDocker, only, registry }) => {
    const { signal } = build;
    await mkdir(directory, { recursive: true });
    // Of its own for each run: buildx writes down every build it has made, for ever.
    const runDirectory = await mkdtemp(path.join(temporaryDirectory, 'buildx-'));
    const progress = new Progress(build.onLog);
    try {
      await writeFile(path.join(runDirectory, '.buildNodeID'), nodeId);
      if (endpoint.kind === 'buildkit') {
        await symlink(await instances(endpoint, signal), path.join(runDirectory, 'instances'));
      }
      const { dockerfilePath } = build.request;
      const confined = only && (await confine(runDirectory, dockerfilePath, options.limits, only));
      const request = {
        ...build.request,
        dockerfilePath: confined?.dockerfilePath ?? dockerfilePath,
        labels: { ...build.request.labels, [instanceLabel]: options.instance },
      };
      const metadataPath = path.join(runDirectory, 'metadata.json');
      const args = buildArguments({
        request,
        endpoint,
        metadataPath,
        push,
        pushWithDocker,
        withoutCache: build.withoutCache,
        registryCache: options.registryCache && endpoint.kind === 'buildkit',
        insecure: options.insecureRegistries.includes(hostOf(request.ref)),
      });
      const { authoritiesPath } = options;
      const surroundings = { ...(confined ?? { configDirectory }), authoritiesPath };
      await run(options.buildxPath, args, {
        signal,
        env: { ...environment(endpoint, runDirectory, surroundings), ...secretEnvironment(request) },
        cwd: runDirectory,
        graceMs,
        timeoutMs: options.buildTimeoutMs,
        onLine: (line) => progress.line(line),
      });
      if (!push) return '';
      return metadata.parse(JSON.parse(await readFile(metadataPath, 'utf8')))['containerimage.digest'];
    } catch (error) {
      progress.end();
      throw await translated(error, progress, build, registry, options.buildTimeoutMs);
    } finally {
      await rm(runDirectory, { recursive: true, force: true });
    }
  };
}

/** What buildx calls it while a remote BuildKit has not answered yet. */
const connecting = '[internal] waiting for connection';

/** The error to throw for a failed run: the author's fault, an endpoint that is not there, or another outage. */
async function translated(
  error: unknown,
  progress: Progress,
  build: Build,
  registry: Registry,
  timeoutMs: number,
): Promise<unknown> {
  const { request, image } = build;
  if (error instanceof TimeoutError) {
    return new DiagnosedError(timedOut(image, timeoutMs, progress.vertices), { cause: error });
  }
  if (!(error instanceof ExitError)) return error;
  if (progress.vertices.every(({ name }) => name === connecting))
    return new UnreachableError(progress.text.at(-1) ?? error.message);
  const verdict = judge({ ...build, target: request.target, vertices: progress.vertices, text: progress.text });
  switch (verdict.kind) {
    case 'fault':
      return new DiagnosedError(verdict.diagnosis, { cause: error });
    case 'lost layer':
      return new LostLayerError(`building ${request.ref}: ${verdict.message}`, { cause: error });
    case 'outage':
      return new Error(`building ${request.ref}: ${verdict.message}`, { cause: error });
    case 'image':
      if ((await registry.digestOf(verdict.ref, build.signal)) !== undefined) {
        return new Error(`building ${request.ref}: ${progress.text.at(-1)}`, { cause: error });
      }
      return new DiagnosedError(verdict.ifAbsent, { cause: error });
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function hostOf(ref: string): string {
  return ref.split('/')[0] ?? ref;
}
