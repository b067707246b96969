import { RetryLaterError } from '../../domain/errors.ts';
import { type Credentials, credentialsFor } from './docker-config.ts';
import { basic, fetchToken, parseChallenge, type Token } from './registry-auth.ts';

export interface RegistryOptions {
  /** A Docker configuration directory with the credentials. */
  readonly configDirectory: string | undefined;
  /** Hosts, with port, that are spoken to in plain HTTP; loopback always is, as Docker does. */
  readonly insecureRegistries: readonly string[];
  /** Told each password and token before it is used, so that it is shown nowhere. */
  readonly hold?: ((credential: string) => void) | undefined;
}

interface RegistryRequest {
  readonly method: 'HEAD' | 'GET' | 'DELETE';
  /** As in image references. */
  readonly host: string;
  /** From `/v2/` on, with the query if any. */
  readonly path: string;
  /** What a token must allow, e.g. `repository:acme/web:pull`. Source: distribution.github.io/distribution/spec/auth/scope */
  readonly scope: string;
  readonly accept?: string;
}

/** The registry wants to know who we are, and what we have does not satisfy it. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** Answers a registry's questions who we are. */
export interface RegistryConnection {
  /**
   * The answer, whatever its status is; 401 and 403 where the credentials, if any, do not allow it.
   * @throws CredentialsError when they are missing or wrong.
   */
  request(request: RegistryRequest, signal: AbortSignal): Promise<Response>;
  /** What it takes to push to this one repository, asked for afresh: as little more than that as the registry makes possible. */
  pushCredentials(repository: RegistryRepository, signal: AbortSignal): Promise<PushCredentials>;
}

interface RegistryRepository {
  readonly host: string;
  readonly path: string;
}

export type PushCredentials =
  /** The registry asks nobody, or there are none for it. */
  | { readonly kind: 'none' }
  /** Good for this repository alone, and not for long. */
  | { readonly kind: 'token'; readonly token: string }
  /** Good for whatever the account may do: the registry knows nothing smaller. */
  | { readonly kind: 'password'; readonly user: string; readonly password: string };

const timeoutMs = 20_000;

export function connectRegistries({ configDirectory, insecureRegistries, hold }: RegistryOptions): RegistryConnection {
  const authorizations = new Map<string, { readonly header: string; readonly until: number }>();

  async function credentialsOf(host: string, signal: AbortSignal): Promise<Credentials | undefined> {
    const credentials = await credentialsFor(configDirectory, host, signal);
    if (credentials) hold?.(credentials.kind === 'password' ? credentials.password : credentials.token);
    return credentials;
  }

  async function tokenFor(...asked: Parameters<typeof fetchToken>): Promise<Token | undefined> {
    const answer = await fetchToken(...asked);
    if (answer) hold?.(answer.token);
    return answer;
  }

  async function authorize(
    response: Response,
    { host, scope }: RegistryRequest,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const challenge = parseChallenge(response.headers.get('www-authenticate') ?? '');
    const credentials = await credentialsOf(host, signal);
    if (challenge?.scheme === 'bearer') {
      const token = await tokenFor(challenge, scope, credentials, signal);
      if (!token) return undefined;
      const header = `Bearer ${token.token}`;
      // Half its life: clocks differ, and the answer took its time.
      authorizations.set(`${host} ${scope}`, { header, until: performance.now() + token.expiresInMs / 2 });
      return header;
    }
    if (challenge?.scheme === 'basic' && credentials?.kind === 'password') {
      return basic(credentials.user, credentials.password);
    }
    throw new CredentialsError('it wants credentials, and there are none for it');
  }

  return {
    pushCredentials: ({ host, path }, signal) =>
      askRegistry(host, `leave to push to ${path}`, signal, async (bounded) => {
        const response = await fetch(urlOf({ host, path: '/v2/' }, insecureRegistries), { signal: bounded });
        await response.body?.cancel();
        if (response.status !== 401) return { kind: 'none' };
        const challenge = parseChallenge(response.headers.get('www-authenticate') ?? '');
        const credentials = await credentialsOf(host, bounded);
        if (challenge?.scheme === 'bearer') {
          const answer = await tokenFor(challenge, `repository:${path}:pull,push`, credentials, bounded);
          return answer ? { kind: 'token', token: answer.token } : { kind: 'none' };
        }
        return credentials?.kind === 'password' ? credentials : { kind: 'none' };
      }),
    async request(request, signal) {
      const known = authorizations.get(`${request.host} ${request.scope}`);
      const ask = (authorization: string | undefined) =>
        fetch(urlOf(request, insecureRegistries), {
          method: request.method,
          signal,
          headers: {
            ...(request.accept === undefined ? {} : { accept: request.accept }),
            ...(authorization === undefined ? {} : { authorization }),
          },
        });
      const first = await ask(known && known.until > performance.now() ? known.header : undefined);
      if (first.status !== 401) return first;
      await first.body?.cancel();
      const authorization = await authorize(first, request, signal);
      if (authorization === undefined) return first;
      const second = await ask(authorization);
      if (second.status !== 401 || authorization.startsWith('Bearer')) return second;
      await second.body?.cancel();
      throw new CredentialsError('it does not accept our credentials');
    },
  };
}

/**
 * Asks a registry within a bounded time. `what` completes "asking <host> for".
 * @throws RetryLaterError when `work` throws it; the signal's reason; or an error that says what was asked for.
 */
export async function askRegistry<T>(
  host: string,
  what: string,
  signal: AbortSignal,
  work: (bounded: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await work(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RetryLaterError) throw cause;
    throw new Error(`asking ${host} for ${what}: ${reasonOf(cause)}`, { cause });
  }
}

/** What to throw for a status that nothing else can be made of. */
export function unexpected(host: string, response: Response): Error {
  if (response.status !== 429) return new Error(`HTTP ${response.status}`);
  const seconds = Number(response.headers.get('retry-after')) || 60;
  return new RetryLaterError(`${host} limits how often it is asked`, Date.now() + seconds * 1000);
}

function urlOf({ host, path }: RegistryRepository, insecureRegistries: readonly string[]): string {
  const plain = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(host) || insecureRegistries.includes(host);
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host;
  return `${plain ? 'http' : 'https'}://${server}${path}`;
}

/** `fetch` hides why it failed one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}
