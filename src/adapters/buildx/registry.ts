import { createHash } from 'node:crypto';
import { RetryLaterError } from '../../domain/errors.ts';
import { parseImageReference } from '../../domain/image-reference.ts';
import { credentialsFor } from './docker-config.ts';
import { basic, fetchToken, parseChallenge } from './registry-auth.ts';

export interface RegistryOptions {
  /** A Docker configuration directory with the credentials. */
  readonly configDirectory: string | undefined;
  /** Hosts, with port, that are spoken to in plain HTTP; loopback always is, as Docker does. */
  readonly insecureRegistries: readonly string[];
}

export interface Registry {
  /**
   * The digest behind a reference; `undefined` when the registry does not have it, or does not let us see it.
   * @throws RetryLaterError when asked to come back later; any other error is an outage or wrong credentials.
   */
  digestOf(ref: string, signal: AbortSignal): Promise<string | undefined>;
}

// Source: github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

const timeoutMs = 20_000;

/**
 * Asks registries directly: one HEAD request takes about 3 ms where starting buildx takes 60 ms and more, and the
 * HTTP status tells "not there" from "not answering", which `buildx imagetools` tells by its words alone.
 */
export function registryClient({ configDirectory, insecureRegistries }: RegistryOptions): Registry {
  const authorizations = new Map<string, { readonly header: string; readonly until: number }>();

  async function authorize(response: Response, name: ImageName, signal: AbortSignal): Promise<string | undefined> {
    const challenge = parseChallenge(response.headers.get('www-authenticate') ?? '');
    const credentials = await credentialsFor(configDirectory, name.host, signal);
    if (challenge?.scheme === 'bearer') {
      const token = await fetchToken(challenge, `repository:${name.path}:pull`, credentials, signal);
      if (!token) return undefined;
      const header = `Bearer ${token.token}`;
      // Half its life: clocks differ, and the answer took its time.
      authorizations.set(`${name.host}/${name.path}`, { header, until: performance.now() + token.expiresInMs / 2 });
      return header;
    }
    if (challenge?.scheme === 'basic' && credentials?.kind === 'password') {
      return basic(credentials.user, credentials.password);
    }
    throw new Error(`asking ${name.host} for ${name.path}: it wants credentials, and there are none for it`);
  }

  async function request(method: string, name: ImageName, signal: AbortSignal): Promise<Response> {
    const known = authorizations.get(`${name.host}/${name.path}`);
    const ask = (authorization: string | undefined) =>
      fetch(urlOf(name, insecureRegistries), {
        method,
        signal,
        headers: { accept: manifestTypes, ...(authorization === undefined ? {} : { authorization }) },
      });
    const first = await ask(known && known.until > performance.now() ? known.header : undefined);
    if (first.status !== 401) return first;
    await first.body?.cancel();
    const authorization = await authorize(first, name, signal);
    if (authorization === undefined) return first;
    const second = await ask(authorization);
    if (second.status !== 401 || authorization.startsWith('Bearer')) return second;
    throw new Error(`asking ${name.host} for ${name.path}: it does not accept our credentials`);
  }

  return {
    async digestOf(ref, signal) {
      signal.throwIfAborted();
      const name = imageName(ref);
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      try {
        const response = await request('HEAD', name, bounded);
        const digest = response.headers.get('docker-content-digest');
        await response.body?.cancel();
        if (response.ok) return digest ?? (await hashOf(await request('GET', name, bounded)));
        if ([401, 403, 404].includes(response.status)) return undefined;
        if (response.status === 429) throw rateLimited(name, response);
        throw new Error(`HTTP ${response.status}`);
      } catch (cause) {
        signal.throwIfAborted();
        if (cause instanceof RetryLaterError) throw cause;
        throw new Error(`asking ${name.host} for ${ref}: ${reasonOf(cause)}`, { cause });
      }
    },
  };
}

interface ImageName {
  readonly host: string;
  readonly path: string;
  /** Tag or digest. */
  readonly version: string;
}

/** Splits as Docker does: a first part without dot, colon or `localhost` belongs to Docker Hub's path. */
function imageName(ref: string): ImageName {
  const parsed = parseImageReference(ref);
  if (!parsed) throw new Error(`not an image reference: ${JSON.stringify(ref)}`);
  const version = parsed.digest ?? parsed.tag ?? 'latest';
  const [first = '', ...rest] = parsed.repository.split('/');
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) {
    const host = first === 'index.docker.io' ? 'docker.io' : first;
    return { host, path: hubPath(host, rest.join('/')), version };
  }
  return { host: 'docker.io', path: hubPath('docker.io', parsed.repository), version };
}

function hubPath(host: string, path: string): string {
  return host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}

function urlOf({ host, path, version }: ImageName, insecureRegistries: readonly string[]): string {
  const plain = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(host) || insecureRegistries.includes(host);
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host;
  return `${plain ? 'http' : 'https'}://${server}/v2/${path}/manifests/${version}`;
}

function rateLimited({ host }: ImageName, response: Response): RetryLaterError {
  const seconds = Number(response.headers.get('retry-after')) || 60;
  return new RetryLaterError(`${host} limits how often it is asked`, Date.now() + seconds * 1000);
}

async function hashOf(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return `sha256:${createHash('sha256')
    .update(await response.bytes())
    .digest('hex')}`;
}

/** `fetch` hides why it failed one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}
