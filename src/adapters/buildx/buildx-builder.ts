import { DiagnosedError } from '../../domain/errors.ts';
import type { Diagnosis } from '../../domain/preview.ts';
import type { Builder } from '../../ports.ts';
import { type BuildxRun, buildxRuns, LostLayerError, UnreachableError } from './buildx-run.ts';
import { type Endpoint, rankEndpoints } from './endpoint.ts';
import { type Build, examined, hostAndPath } from './examined.ts';
import { imageName } from './image-name.ts';
import { removeImage } from './image-removal.ts';
import { whyUnreachable } from './reachable.ts';
import { connectRegistries } from './registry-connection.ts';
import { registryClient } from './registry.ts';
import { imageLister } from './stored-images.ts';
import { Turns } from './turns.ts';

export interface BuildxBuilderOptions {
  /** Written on each image that is built; tells Berths that share a registry apart. */
  readonly instance: string;
  /** Made by `parseEndpoint`; at least one. */
  readonly endpoints: readonly Endpoint[];
  /** For what nobody with write access has pushed: BuildKit shares its cache between all that it builds. By default none. */
  readonly untrustedEndpoints?: readonly Endpoint[];
  /** Where our images lie, host and path: a stranger's build cannot read them. */
  readonly ownRegistry: string;
  /** Other hosts whose images a stranger's build may use, if anybody may pull them; `docker.io` for Docker Hub. By default none. */
  readonly untrustedRegistries?: readonly string[];
  /** The docker-buildx plugin's own program; it runs without the docker command. */
  readonly buildxPath: string;
  /** A Docker configuration directory with credentials for registries; may be read-only. */
  readonly configDirectory?: string;
  /** Told each credential for a registry before it is used. */
  readonly hold?: (credential: string) => void;
  /** Hosts, with port, that are spoken to in plain HTTP; loopback always is. */
  readonly insecureRegistries?: readonly string[];
  /** Whether layers are also cached in the registry, for pools whose daemons come and go; not for Docker daemons. */
  readonly registryCache?: boolean;
  readonly buildTimeoutMs: number;
  /** Absolute; for what is kept between runs. */
  readonly directory: string;
  /** For the files of single runs, on the same file system; it exists. By default `directory`. */
  readonly temporaryDirectory?: string;
  /** A file with the certificates of all authorities to trust; by default the system's. */
  readonly authoritiesPath?: string | undefined;
}

const builderMissing: Diagnosis = {
  reason: 'BuilderMissing',
  message:
    'This Berth has no builder for pull requests from forks: whoever operates it can give it one with BERTH_BUILDKIT_UNTRUSTED',
};

/** BuildKit by way of buildx, on the first endpoint that answers; registries are asked directly. */
export function buildxBuilder(options: BuildxBuilderOptions): Builder {
  const { configDirectory, insecureRegistries = [] } = options;
  const registries = connectRegistries({ configDirectory, insecureRegistries, hold: options.hold });
  const registry = registryClient(registries);
  /** What anybody can see. Ours would tell a stranger which images exist that are none of theirs. */
  const openRegistry = registryClient(connectRegistries({ configDirectory: undefined, insecureRegistries }));
  const runBuildx = buildxRuns({
    ...options,
    limits: { ownRegistry: options.ownRegistry, registries: options.untrustedRegistries ?? [] },
    configDirectory,
    insecureRegistries,
    registryCache: options.registryCache === true,
    temporaryDirectory: options.temporaryDirectory ?? options.directory,
  });
  /** Docker daemons whose image store cannot push by itself. */
  const pushingWithDocker = new Set<string>();
  /** Two builds of one thing at the same time, one of which is stopped, are what makes BuildKit lose layers. */
  const turns = new Turns();

  async function buildSomewhere(build: Build): Promise<{ readonly digest: string }> {
    const { request, signal } = build;
    const pool = request.trust === 'trusted' ? options.endpoints : (options.untrustedEndpoints ?? []);
    if (pool.length === 0 && request.trust === 'untrusted') throw new DiagnosedError(builderMissing);
    const failures: string[] = [];
    for (const endpoint of rankEndpoints(pool, hostAndPath(request.ref))) {
      const why = await whyUnreachable(endpoint, signal);
      if (why !== undefined) {
        failures.push(`${endpoint.url}: ${why}`);
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

  async function buildAt(endpoint: Endpoint, build: Build): Promise<string> {
    const once = build.request.trust === 'trusted' ? buildTrusted : buildUntrusted;
    try {
      return await once(endpoint, build);
    } catch (error) {
      if (!(error instanceof LostLayerError)) throw error;
      build.onLog('BuildKit has lost a layer of its cache: building once more without the cache');
      return await once(endpoint, { ...build, withoutCache: true });
    }
  }

  function buildTrusted(endpoint: Endpoint, build: Build): Promise<string> {
    return pushed(endpoint, build, { only: undefined, registry });
  }

  /**
   * A token that is good for one repository alone does not live as long as a build may take. So everything is first built without
   * any, and then pushed by a second run, which finds all steps in the cache.
   */
  async function buildUntrusted(endpoint: Endpoint, build: Build): Promise<string> {
    const { host, path } = imageName(build.request.ref);
    const credentials = () => registries.pushCredentials({ host, path }, build.signal);
    const needed = await credentials();
    const given = { only: { credentials: needed, pushTakes: needed.kind }, registry: openRegistry };
    if (needed.kind !== 'token') return pushed(endpoint, build, given);
    const none = { credentials: { kind: 'none' }, pushTakes: needed.kind } as const;
    await runBuildx({ ...given, endpoint, build, only: none, push: false, pushWithDocker: false });
    const again = { ...build, withoutCache: false, onLog: () => undefined };
    return pushed(endpoint, again, { ...given, only: { credentials: await credentials(), pushTakes: needed.kind } });
  }

  async function pushed(
    endpoint: Endpoint,
    build: Build,
    given: Pick<BuildxRun, 'only' | 'registry'>,
  ): Promise<string> {
    const withDocker = pushingWithDocker.has(endpoint.url);
    const digest = await runBuildx({ ...given, endpoint, build, push: true, pushWithDocker: withDocker });
    if (endpoint.kind === 'buildkit' || withDocker) return digest;
    if ((await registry.digestOf(build.request.ref, build.signal)) !== undefined) return digest;
    // Docker without its containerd image store takes `push=` for nothing to do.
    pushingWithDocker.add(endpoint.url);
    return runBuildx({ ...given, endpoint, build, push: true, pushWithDocker: true });
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
