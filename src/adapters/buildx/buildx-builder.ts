import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { DiagnosedError } from '../../domain/errors.ts';
import { parseImageReference } from '../../domain/image-reference.ts';
import type { Builder, BuildRequest } from '../../ports.ts';
import { ExitError, run, TimeoutError } from '../../process.ts';
import { buildArguments, createArguments, environment } from './command.ts';
import { buildFailed, judge, timedOut } from './diagnosis.ts';
import { frontendOf, hasFrom, isDockersFrontend } from './dockerfile.ts';
import { type Endpoint, isReachable, rankEndpoints } from './endpoint.ts';
import { removeImage } from './image-removal.ts';
import { Progress } from './progress.ts';
import { connectRegistries } from './registry-connection.ts';
import { registryClient } from './registry.ts';
import { Turns } from './turns.ts';
import { imageLister, instanceLabel } from './stored-images.ts';

export interface BuildxBuilderOptions {
  /** Written on each image that is built; tells Berths that share a registry apart. */
  readonly instance: string;
  /** Made by `parseEndpoint`; at least one. */
  readonly endpoints: readonly Endpoint[];
  /** For what nobody with write access has pushed; by default the same as `endpoints`. */
  readonly untrustedEndpoints?: readonly Endpoint[];
  /** The docker-buildx plugin's own program; it runs without the docker command. */
  readonly buildxPath: string;
  /** A Docker configuration directory with credentials for registries; may be read-only. */
  readonly configDirectory?: string;
  /** Hosts, with port, that are spoken to in plain HTTP; loopback always is. */
  readonly insecureRegistries?: readonly string[];
  /** Whether layers are also cached in the registry, for pools whose daemons come and go; not for Docker daemons. */
  readonly registryCache?: boolean;
  readonly buildTimeoutMs: number;
  /** Absolute; for what is kept between runs. */
  readonly directory: string;
  /** For the files of single runs, on the same file system; it exists. By default `directory`. */
  readonly temporaryDirectory?: string;
}

const connectTimeoutMs = 2_000;
/** BuildKit ends a step of its own accord soon after buildx is asked to end. */
const graceMs = 5_000;

const metadata = z.object({ 'containerimage.digest': z.string().regex(/^sha256:[0-9a-f]{64}$/) });

/** BuildKit by way of buildx, on the first endpoint that answers; registries are asked directly. */
export function buildxBuilder(options: BuildxBuilderOptions): Builder {
  const { temporaryDirectory = options.directory } = options;
  const registries = connectRegistries({
    configDirectory: options.configDirectory,
    insecureRegistries: options.insecureRegistries ?? [],
  });
  const registry = registryClient(registries);
  /**
   * By this and the context's path BuildKit finds the files it was sent before, and is sent only what has changed.
   * buildx would make up another one in each run's directory.
   * Source: github.com/docker/buildx/blob/master/util/confutil/node.go
   */
  const nodeId = randomBytes(8).toString('hex');
  /** Docker daemons whose image store cannot push by itself. */
  const pushingWithDocker = new Set<string>();

  /** Two builds of one thing at the same time, one of which is stopped, are what makes BuildKit lose layers. */
  const turns = new Turns();

  async function buildAt(endpoint: Endpoint, build: Build): Promise<string> {
    try {
      return await pushedAt(endpoint, build);
    } catch (error) {
      if (!(error instanceof LostLayerError)) throw error;
      build.onLog('BuildKit has lost a layer of its cache: building once more without the cache');
      return await pushedAt(endpoint, { ...build, withoutCache: true });
    }
  }

  async function pushedAt(endpoint: Endpoint, build: Build): Promise<string> {
    const digest = await runBuildx(endpoint, build);
    if (endpoint.kind === 'buildkit' || pushingWithDocker.has(endpoint.url)) return digest;
    const pushed = await registry.digestOf(build.request.ref, build.signal);
    if (pushed !== undefined) return digest;
    // Docker without its containerd image store takes `push=` for nothing to do.
    pushingWithDocker.add(endpoint.url);
    return runBuildx(endpoint, build);
  }

  async function runBuildx(endpoint: Endpoint, build: Build): Promise<string> {
    const { request, signal } = build;
    await mkdir(options.directory, { recursive: true });
    // Of its own for each run: buildx writes down every build it has made, for ever.
    const runDirectory = await mkdtemp(path.join(temporaryDirectory, 'buildx-'));
    await writeFile(path.join(runDirectory, '.buildNodeID'), nodeId);
    const progress = new Progress(build.onLog);
    const env = environment(endpoint, runDirectory, options.configDirectory);
    try {
      if (endpoint.kind === 'buildkit') {
        await symlink(await instances(endpoint, signal), path.join(runDirectory, 'instances'));
      }
      const metadataPath = path.join(runDirectory, 'metadata.json');
      const args = buildArguments({
        request: { ...request, labels: { ...request.labels, [instanceLabel]: options.instance } },
        endpoint,
        metadataPath,
        withoutCache: build.withoutCache,
        registryCache: options.registryCache === true && endpoint.kind === 'buildkit',
        insecure: options.insecureRegistries?.includes(hostOf(request.ref)) ?? false,
        pushWithDocker: pushingWithDocker.has(endpoint.url),
      });
      await run(options.buildxPath, args, {
        signal,
        env,
        cwd: runDirectory,
        graceMs,
        timeoutMs: options.buildTimeoutMs,
        onLine: (line) => progress.line(line),
      });
      return metadata.parse(JSON.parse(await readFile(metadataPath, 'utf8')))['containerimage.digest'];
    } catch (error) {
      progress.end();
      throw await translated(error, progress, build);
    } finally {
      await rm(runDirectory, { recursive: true, force: true });
    }
  }

  /** The directory in which buildx knows the endpoint: made once, for it takes a run of its own. */
  async function instances(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    const name = createHash('sha256').update(JSON.stringify(endpoint)).digest('hex').slice(0, 12);
    const directory = path.join(options.directory, `endpoint-${name}`);
    const ready = path.join(directory, 'instances');
    if (await exists(ready)) return ready;
    const draft = await mkdtemp(path.join(temporaryDirectory, `${name}-`));
    const env = environment(endpoint, draft, options.configDirectory);
    await run(options.buildxPath, createArguments(endpoint), { signal, env, timeoutMs: 30_000 });
    // Two first builds may do this at once: the second rename fails, for the directory is not empty, and is not needed.
    await rename(draft, directory).catch(() => rm(draft, { recursive: true, force: true }));
    return ready;
  }

  /** The error to throw for a failed run: the author's fault, an endpoint that is not there, or another outage. */
  async function translated(error: unknown, progress: Progress, build: Build): Promise<unknown> {
    const { request, image } = build;
    if (error instanceof TimeoutError) {
      return new DiagnosedError(timedOut(image, options.buildTimeoutMs, progress.vertices), { cause: error });
    }
    if (!(error instanceof ExitError)) return error;
    if (progress.vertices.length === 0) return new UnreachableError(progress.text.at(-1) ?? error.message);
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

  async function buildSomewhere(build: Build): Promise<{ readonly digest: string }> {
    const { request, signal } = build;
    const untrusted = request.trust === 'untrusted' ? options.untrustedEndpoints : undefined;
    const failures: string[] = [];
    for (const endpoint of rankEndpoints(untrusted ?? options.endpoints, hostAndPath(request.ref))) {
      if (!(await isReachable(endpoint, connectTimeoutMs, signal))) {
        failures.push(`${endpoint.url} does not accept connections`);
        continue;
      }
      try {
        return { digest: await buildAt(endpoint, build) };
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        failures.push(`${endpoint.url}: ${error.message}`);
      }
    }
    throw new Error(`building ${request.ref}: no BuildKit answers: ${failures.join('; ')}`);
  }

  return {
    digestOf: registry.digestOf,
    storedImages: imageLister(registries, options.instance),
    removeImage: (image, signal) => removeImage(registries, image, signal),
    async build(request, onLog, signal) {
      signal.throwIfAborted();
      const build = await examined(request, onLog, signal);
      return turns.take(request.ref, signal, () => buildSomewhere(build));
    },
  };
}

interface Build {
  readonly request: BuildRequest;
  readonly image: string;
  readonly dockerfile: { readonly path: string; readonly text: string };
  readonly withoutCache: boolean;
  readonly onLog: (line: string) => void;
  readonly signal: AbortSignal;
}

/** An endpoint that did not even start to build. */
class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** BuildKit cannot go on from what it has in its cache. */
class LostLayerError extends Error {
  override readonly name = 'LostLayerError';
}

/** Refuses what BuildKit must not see, and what is sure to fail there. */
async function examined(request: BuildRequest, onLog: (line: string) => void, signal: AbortSignal): Promise<Build> {
  const image = hostAndPath(request.ref).split('/').at(-1) ?? request.ref;
  const inContext = path.relative(request.contextPath, request.dockerfilePath);
  const byDefault = inContext.startsWith('..') ? path.basename(request.dockerfilePath) : inContext;
  const shown = request.dockerfileName ?? byDefault;
  const text = await textOf(request.dockerfilePath, signal);
  const problem = text === undefined ? 'there is no such file' : problemOf(text, request.trust);
  if (problem) throw new DiagnosedError(buildFailed(image, shown, problem, [], []));
  return { request, image, dockerfile: { path: shown, text: text ?? '' }, withoutCache: false, onLog, signal };
}

function problemOf(dockerfile: string, trust: BuildRequest['trust']): string | undefined {
  const frontend = frontendOf(dockerfile);
  const known = frontend === undefined || isDockersFrontend(frontend);
  if (!known && trust === 'untrusted') {
    // A frontend of one's own decides what BuildKit runs, with which caches of whom.
    return 'a pull request from a fork can only have `docker/dockerfile` as its `# syntax=`';
  }
  return known && !hasFrom(dockerfile) ? 'it has no FROM instruction' : undefined;
}

async function textOf(file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(String(error.code))) {
      return undefined;
    }
    throw error;
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** A reference without tag and digest. @throws for what is no reference: it must not become part of an option. */
function hostAndPath(ref: string): string {
  const parsed = parseImageReference(ref);
  if (!parsed?.tag) throw new Error(`not an image reference with a tag: ${JSON.stringify(ref)}`);
  return parsed.repository;
}

function hostOf(ref: string): string {
  return ref.split('/')[0] ?? ref;
}
