/** Requests to GitHub: who asks, what is asked again for free, and what an answer means for us. */
import { createAppAuth } from '@octokit/auth-app';
import { request } from '@octokit/request';
import type { Logger } from 'pino';
import { z } from 'zod';
import { AnswerTooLargeError, boundedBytes } from '../../bounded-answer.ts';
import type { Clock } from '../../ports.ts';
import { type Caller, callerName } from './caller.ts';
import { createEtagCache } from './etag-cache.ts';
import { createRateLimits } from './rate-limits.ts';
import { RefusedError } from './refused-error.ts';
import { outcomeOf, requestMeter, type RequestTelemetry } from './request-meter.ts';
import { createTokens, type IssuedToken, tokenAnswer, type TokenScope } from './tokens.ts';
import { untilAborted } from './until-aborted.ts';
import { createWritePace, type PaceOptions } from './write-pace.ts';

export type Parameters = Readonly<Record<string, unknown>>;

export interface Page<T> {
  readonly value: T;
  /** Whether GitHub says that there is another page. Where it would be is ours to say: no link is ever followed. */
  readonly hasNext: boolean;
  /** Number of the last page, as far as GitHub says so: it does not on the last one itself. */
  readonly lastPage: number | undefined;
}

/**
 * Every method throws `RefusedError` when GitHub says no, `RetryLaterError` when it says "too much", the signal's reason
 * when aborted, and an ordinary error for an outage or for an answer that makes no sense.
 */
export interface Client {
  /**
   * A GET, conditional when the answer is known already; `make` turns the parsed answer into what is kept and given, by
   * nothing else than route and parameters. Where several make different things of the same answer, `view` tells theirs apart.
   */
  get<A, T>(
    caller: Caller,
    route: string,
    parameters: Parameters,
    schema: z.ZodType<A>,
    make: (answer: A) => T,
    signal: AbortSignal,
    view?: string,
  ): Promise<Page<T>>;
  /**
   * A GET whose answer is not kept, for what is different every time; with the cursor of the next page, `undefined` at the
   * end. Of the address of that page nothing else is used: it could be anywhere.
   */
  getAnew<A>(
    caller: Caller,
    route: string,
    parameters: Parameters,
    schema: z.ZodType<A>,
    signal: AbortSignal,
  ): Promise<{ readonly value: A; readonly nextCursor: string | undefined }>;
  /** A POST, PATCH or DELETE, in its turn. */
  write<A>(
    caller: Caller,
    route: string,
    parameters: Parameters,
    schema: z.ZodType<A>,
    signal: AbortSignal,
  ): Promise<A>;
  /** A token for others to use, good for at least `leastMs`. */
  token(scope: TokenScope, leastMs: number, signal: AbortSignal): Promise<string>;
}

export interface ClientOptions {
  readonly apiUrl: string;
  readonly appId: number | string;
  readonly privateKey: string;
  readonly clock: Clock;
  /** Told each token that is issued. */
  readonly hold?: ((token: string) => void) | undefined;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
  readonly writes: PaceOptions;
  /** How long GitHub may take for an answer; by default 30 s. */
  readonly timeoutMs?: number;
  readonly telemetry?: RequestTelemetry | undefined;
  /** By default more than GitHub ever says at once. */
  readonly maxAnswerBytes?: number | undefined;
}

const cachedAnswers = 5_000;
/**
 * Of one answer. The largest that GitHub gives are pages of 100 texts with 65,536 characters each, of which one may take six bytes in
 * JSON: whoever may comment could keep Berth from reading on, were this less.
 */
const maxAnswerBytes = 64 * 1024 ** 2;
/** A token is renewed before it could end in the middle of a request. */
const leastTokenMs = 60_000;

export function createClient(options: ClientOptions): Client {
  const { apiUrl, appId, privateKey, clock, log, writes, timeoutMs = 30_000 } = options;
  const boundedFetch = fetchWithin(options.maxAnswerBytes ?? maxAnswerBytes);
  const octokitLog = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string) => log.warn({ hint: message }, 'octokit warns'),
    error: (message: string) => log.debug({ hint: message }, 'octokit reports'),
  };
  const asInstallation = request.defaults({ baseUrl: apiUrl.replace(/\/$/, ''), headers: { 'user-agent': 'berth' } });
  const { hook } = createAppAuth({ appId, privateKey, log: octokitLog });
  const asApp = asInstallation.defaults({ request: { hook: speakingAsApp(hook) } });
  const etags = createEtagCache(cachedAnswers);
  const limits = createRateLimits(clock);
  const meter = requestMeter(options.telemetry, clock);
  const pace = createWritePace(clock, writes);
  const tokens = createTokens(clock, issueToken);

  async function issueToken({ installationId, repositoryId, permissions }: TokenScope): Promise<IssuedToken> {
    const parameters = {
      installation_id: installationId,
      ...(repositoryId !== undefined && { repository_ids: [repositoryId] }),
      ...(permissions && { permissions }),
    };
    // Not anybody's signal: others may wait for the same token.
    const answer = await ask(
      'app',
      'POST /app/installations/{installation_id}/access_tokens',
      parameters,
      AbortSignal.timeout(timeoutMs),
    );
    const { token, expires_at: expiresAt } = tokenAnswer.parse(answer.data);
    options.hold?.(token);
    const issuedAt = Date.parse(answer.headers['date'] ?? '');
    return { token, lifetimeMs: Date.parse(expiresAt) - (Number.isNaN(issuedAt) ? clock.now() : issuedAt) };
  }

  /** One request with one renewal of the token: it may have been revoked, or have ended by GitHub's clock. */
  async function ask(caller: Caller, route: string, parameters: Parameters, signal: AbortSignal) {
    if (caller === 'app') return send(asApp, callerName(caller), route, parameters, signal);
    const scope = { installationId: caller };
    for (let attempt = 1; ; attempt += 1) {
      const token = await untilAborted(() => tokens.get(scope, leastTokenMs), signal);
      const headers = { ...(parameters['headers'] as object | undefined), authorization: `token ${token}` };
      try {
        return await send(asInstallation, callerName(caller), route, { ...parameters, headers }, signal);
      } catch (error) {
        if (!(error instanceof RefusedError) || error.status !== 401) throw error;
        tokens.drop(scope, token);
        if (attempt === 2) throw new Error(`${route}: GitHub does not accept a new token`, { cause: error });
      }
    }
  }

  async function send(
    octokit: typeof request,
    who: string,
    route: string,
    parameters: Parameters,
    signal: AbortSignal,
  ) {
    signal.throwIfAborted();
    limits.check(who);
    const options = {
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      redirect: 'manual' as const,
      fetch: boundedFetch,
      log: octokitLog,
    };
    const ended = meter(who);
    let answer: Awaited<ReturnType<typeof octokit>>;
    try {
      answer = await octokit(route, { ...parameters, request: options });
    } catch (error) {
      signal.throwIfAborted();
      const reason = translated(error, who, route);
      ended(outcomeOf(reason), isRequestError(error) ? error.response?.headers : undefined);
      throw reason;
    }
    ended(answer.status >= 300 ? 'refused' : 'answered', answer.headers);
    // Redirects lead to another address, and a token is for this one.
    if (answer.status >= 300) throw new RefusedError(route, answer.status);
    limits.passed(who);
    return answer;
  }

  function translated(error: unknown, who: string, route: string): Error {
    if (error instanceof Error && error.cause instanceof AnswerTooLargeError)
      return new Error(`${route}: ${error.cause.message}`, { cause: error });
    if (!isRequestError(error) || !error.response)
      return new Error(`${route}: GitHub cannot be reached`, { cause: error });
    const { status, headers, data } = error.response;
    const limited = limits.limited(who, { status, headers, body: data });
    if (limited) return limited;
    if (status >= 500) return new Error(`${route}: GitHub answered ${status}`, { cause: error });
    return new RefusedError(route, status, { cause: error });
  }

  return {
    async get<A, T>(
      caller: Caller,
      route: string,
      parameters: Parameters,
      schema: z.ZodType<A>,
      make: (answer: A) => T,
      signal: AbortSignal,
      view?: string,
    ): Promise<Page<T>> {
      const key = JSON.stringify([caller, route, parameters, view]);
      const known = etags.get(key);
      const headers = known ? { headers: { 'if-none-match': known.etag } } : {};
      try {
        const answer = await ask(caller, route, { ...parameters, ...headers }, signal);
        const value = make(parse(schema, answer.data, route));
        const { link, etag } = answer.headers;
        const page = { value, hasNext: addressOf('next', link) !== undefined, lastPage: lastPageOf(link) };
        if (etag !== undefined) etags.set(key, { ...page, etag });
        return page;
      } catch (error) {
        // The key names the route and the view, and with them what `make` makes.
        if (known && error instanceof RefusedError && error.status === 304) return known as Page<T>;
        throw error;
      }
    },
    async getAnew(caller, route, parameters, schema, signal) {
      const answer = await ask(caller, route, parameters, signal);
      const [, query] = addressOf('next', answer.headers['link'])?.split('?') ?? [];
      return {
        value: parse(schema, answer.data, route),
        nextCursor: new URLSearchParams(query).get('cursor') ?? undefined,
      };
    },
    async write(caller, route, parameters, schema, signal) {
      const answer = await pace.run(caller, signal, () => ask(caller, route, parameters, signal));
      return parse(schema, answer.data, route);
    },
    token: (scope, leastMs, signal) => untilAborted(() => tokens.get(scope, leastMs), signal),
  };
}

type Hook = ReturnType<typeof createAppAuth>['hook'];

/**
 * Who speaks is ours to say. `auth-app` tells it from a list of paths, in which those by a repository's id are missing: it
 * is shown one that is in it.
 */
function speakingAsApp(hook: Hook) {
  return (send: typeof request, options: { readonly url: string }) => {
    const { url } = options;
    const sendThere = Object.assign((signed: typeof options) => send({ ...signed, url } as never), send);
    return hook(sendThere as never, { ...options, url: '/app' } as never);
  };
}

/** Octokit takes a body that breaks off for an empty one, so that it gets none that may. */
function fetchWithin(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const { status, statusText, headers } = response;
    if (!response.body) return response;
    return new Response(await boundedBytes(response, maxBytes), { status, statusText, headers });
  };
}

function addressOf(relation: 'next' | 'last', link: string | undefined): string | undefined {
  const [, address] = new RegExp(`<([^<>]*)>;\\s*rel="${relation}"`).exec(link ?? '') ?? [];
  return address;
}

/** Only the number is used: the address itself could be anywhere. */
function lastPageOf(link: string | undefined): number | undefined {
  const [, query] = addressOf('last', link)?.split('?') ?? [];
  const number = Number(new URLSearchParams(query).get('page') ?? undefined);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

function parse<A>(schema: z.ZodType<A>, data: unknown, route: string): A {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new Error(`${route}: GitHub's answer is not what it documents: ${z.prettifyError(parsed.error)}`);
}

interface RequestError {
  readonly response?: {
    readonly status: number;
    readonly headers: Record<string, string | number | undefined>;
    readonly data: unknown;
  };
}

/** Octokit exports its error class from a package of its own; its shape is documented. */
function isRequestError(error: unknown): error is RequestError {
  return error instanceof Error && error.name === 'HttpError';
}
