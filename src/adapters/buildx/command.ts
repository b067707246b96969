/** The words and the environment of one run of buildx. */
import { parseImageReference } from '../../domain/image-reference.ts';
import type { BuildRequest } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';

export interface CommandOptions {
  readonly request: BuildRequest;
  readonly endpoint: Endpoint;
  readonly metadataPath: string;
  readonly registryCache: boolean;
  /** Whether every step is done anew, whatever BuildKit has in its own cache. */
  readonly withoutCache: boolean;
  /** Whether the result is pushed; otherwise it only fills BuildKit's cache. */
  readonly push: boolean;
  readonly insecure: boolean;
  /** Whether buildx pushes by means of the Docker daemon; see `output`. */
  readonly pushWithDocker: boolean;
}

export function buildArguments(options: CommandOptions): readonly string[] {
  const { request } = options;
  const repository = parseImageReference(request.ref)?.repository ?? request.ref;
  // Nothing is ever allowed (`--allow`) that BuildKit does not allow everybody, such as the host's network.
  return [
    'build',
    // Measured: an attestation makes a warm build with nothing to do 1.4 times as long, and each digest a new one.
    '--provenance=false',
    '--sbom=false',
    '--progress=rawjson',
    `--metadata-file=${options.metadataPath}`,
    `--file=${request.dockerfilePath}`,
    `--output=${options.push ? output(options) : 'type=cacheonly'}`,
    ...(request.target === undefined ? [] : [`--target=${request.target}`]),
    ...(options.withoutCache ? ['--no-cache'] : []),
    ...(options.registryCache && request.trust === 'trusted' ? cache(repository) : []),
    ...[...secretVariables(request)].map(([id, name]) => `--secret=id=${id},env=${name}`),
    ...Object.entries(request.labels).map(([key, value]) => `--label=${key}=${value}`),
    ...Object.entries({ ...request.args, ...ownArgs(repository, request) }).map(
      ([key, value]) => `--build-arg=${key}=${value}`,
    ),
    '--',
    request.contextPath,
  ];
}

/** The variables of buildx's environment that hold the build's secrets, by their ids; none for a stranger's build. */
function secretVariables({ secrets, trust }: BuildRequest): ReadonlyMap<string, string> {
  const ids = trust === 'trusted' ? [...(secrets?.keys() ?? [])] : [];
  return new Map(ids.map((id, index) => [id, `BERTH_BUILD_SECRET_${index}`] as const));
}

/** Nobody but the processes of our own user can read a process's environment. */
export function secretEnvironment(request: BuildRequest): Readonly<Record<string, string>> {
  const variables = [...secretVariables(request)];
  return Object.fromEntries(variables.map(([id, name]) => [name, request.secrets?.get(id) ?? '']));
}

/** Where buildx finds things, and where it must not look. */
export interface EnvironmentOptions {
  /** Docker's; by default there is no configuration. */
  readonly configDirectory?: string | undefined;
  /** What BuildKit must not use for the build. */
  readonly policyPath?: string | undefined;
  /** A file with the certificates of all authorities to trust; by default the system's. */
  readonly authoritiesPath?: string | undefined;
}

export function environment(
  endpoint: Endpoint,
  runDirectory: string,
  { configDirectory, policyPath, authoritiesPath }: EnvironmentOptions,
): Readonly<Record<string, string>> {
  return {
    // For credential helpers.
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: runDirectory,
    DOCKER_CONFIG: configDirectory ?? runDirectory,
    BUILDX_CONFIG: runDirectory,
    BUILDX_GIT_INFO: 'false',
    // Heeded by programs in Go. Source: pkg.go.dev/crypto/x509#SystemCertPool
    ...(authoritiesPath === undefined ? {} : { SSL_CERT_FILE: authoritiesPath }),
    ...(policyPath === undefined ? {} : { EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: policyPath }),
    ...(endpoint.kind === 'docker' ? { DOCKER_HOST: endpoint.url, BUILDX_BUILDER: 'default' } : {}),
    ...(endpoint.kind === 'docker' && endpoint.tls ? { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: endpoint.tls } : {}),
    ...(endpoint.kind === 'buildkit' ? { BUILDX_BUILDER: builderName } : {}),
  };
}

/** The name under which `createArguments` makes a remote endpoint known to buildx. */
const builderName = 'remote';

export function createArguments({ url, tls }: Endpoint): readonly string[] {
  const certificates = tls ? [`--driver-opt=cacert=${tls}/ca.pem,cert=${tls}/cert.pem,key=${tls}/key.pem`] : [];
  return ['create', `--name=${builderName}`, '--driver=remote', ...certificates, url];
}

/**
 * `store=false`: without it, a Docker daemon unpacks and keeps every image ever built, and never removes one.
 * `push=` means `push=true` to BuildKit, but not to buildx: given `true`, buildx has a Docker daemon push the same
 * image from its store once more.
 */
function output({ request, endpoint, insecure, pushWithDocker }: CommandOptions): string {
  if (pushWithDocker) return `type=image,name=${request.ref},push=true`;
  const push = endpoint.kind === 'docker' ? 'push=' : 'push=true';
  return `type=image,name=${request.ref},${push},store=false${insecure ? ',registry.insecure=true' : ''}`;
}

/** Never for a pull request from a fork: what it may write, others read, and what others have written may not be its to read. */
function cache(repository: string): readonly string[] {
  const place = `type=registry,ref=${repository}:buildcache`;
  return [`--cache-from=${place}`, `--cache-to=${place},mode=max,ignore-error=true`];
}

/**
 * Folders of `RUN --mount=type=cache` are shared by all builds of a daemon that use the same id: each repository gets
 * its own, and its forks get one apart.
 * Source: docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args
 */
function ownArgs(repository: string, { trust }: BuildRequest): Readonly<Record<string, string>> {
  const owner = repository.split('/').slice(0, -1).join('/');
  return { BUILDKIT_CACHE_MOUNT_NS: `${trust}/${owner}` };
}
