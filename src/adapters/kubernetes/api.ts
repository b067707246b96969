/**
 * Requests to the API server. The generated clients of client-node take no signal and make a new TLS connection for every call
 * (2.0.1), its watch ends after 30 s of silence, and it takes a second to load: hence this thin client.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { openConnection } from './connection.ts';
import { ConnectionError, exchange, linesOf, textOf } from './exchange.ts';
import type { List } from './objects.ts';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Absolute path; its parts are encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Whom to act as; needs the right to impersonate them. */
  readonly asUser?: string;
  /** How long one attempt may take. */
  readonly timeoutMs?: number;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

export interface KubernetesApi {
  /**
   * Sends a request that may be sent twice: overload, outages and broken connections are retried briefly.
   * @throws ApiError for any other answer that is no success.
   */
  json<T>(request: ApiRequest, signal: AbortSignal): Promise<T>;
  list<T>(request: ApiRequest, signal: AbortSignal): Promise<List<T>>;
  text(request: ApiRequest, signal: AbortSignal): Promise<string>;
  /** The changes of a collection, until the server ends the stream; `ERROR` events are thrown as `ApiError`. */
  watch<T>(request: ApiRequest, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** Closes every connection; requests under way fail. */
  close(): Promise<void>;
}

const defaultTimeoutMs = 10_000;
const attempts = 4;
const longestRetryAfterMs = 5_000;
const retriedStatuses = new Set([429, 500, 502, 503, 504]);

/** A client with that access; a request may take `requestTimeoutMs`, unless it says otherwise. */
export function kubernetesApi(access: ClusterAccess, requestTimeoutMs = defaultTimeoutMs): KubernetesApi {
  const connection = openConnection(access);

  async function send(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { method = 'GET', path, query = {}, body, contentType = 'application/json' } = request;
    const { headers, agent } = await connection.current();
    const url = new URL(access.server + path);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await exchange(
      url,
      {
        method,
        agent,
        headers: {
          'User-Agent': 'berth',
          ...headers,
          Accept: request.accept ?? 'application/json',
          ...(request.asUser === undefined ? {} : { 'Impersonate-User': request.asUser }),
          ...(body === undefined ? {} : { 'Content-Type': contentType }),
        },
      },
      body === undefined ? undefined : JSON.stringify(body),
      signal,
    );
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    if (statusCode === 401) connection.renew();
    throw new ApiError(`${method} ${path}`, statusCode, await textOf(response), response.headers['retry-after']);
  }

  async function attempt(request: ApiRequest, signal: AbortSignal): Promise<string> {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? requestTimeoutMs);
    try {
      return await textOf(await send(request, AbortSignal.any([signal, timeout])));
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) {
        throw new Error(`${request.method ?? 'GET'} ${request.path}: no answer in time`, { cause: error });
      }
      throw error;
    }
  }

  async function text(request: ApiRequest, signal: AbortSignal): Promise<string> {
    for (let nth = 1; ; nth += 1) {
      try {
        return await attempt(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        const pauseMs = nth < attempts ? pauseBefore(request, error, nth) : undefined;
        if (pauseMs === undefined) throw error;
        await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  async function* watch<T>(request: ApiRequest, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const done = new AbortController();
    try {
      const response = await send(
        { ...request, query: { ...request.query, watch: true } },
        AbortSignal.any([signal, done.signal]),
      );
      for await (const line of linesOf(response)) {
        const event = JSON.parse(line) as WatchEvent<T>;
        if (event.type === 'ERROR') {
          const code = (event.object as { code?: number }).code ?? 500;
          throw new ApiError(`watching ${request.path}`, code, JSON.stringify(event.object), undefined);
        }
        yield event;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      // Ends the stream on the server's side too when the caller stops early.
      done.abort();
    }
  }

  const json = async <T>(request: ApiRequest, signal: AbortSignal) => JSON.parse(await text(request, signal)) as T;

  async function list<T>(request: ApiRequest, signal: AbortSignal): Promise<List<T>> {
    const { metadata, items } = await json<List<T> | (Pick<List<T>, 'metadata'> & { readonly items: null })>(
      request,
      signal,
    );
    // An empty list of metadata alone comes as null.
    return { metadata, items: items ?? [] };
  }

  return {
    json,
    list,
    text,
    watch,
    close: () => connection.close(),
  };
}

/** How long to wait before trying again, `undefined` when that is of no use. */
function pauseBefore({ method }: ApiRequest, error: unknown, nth: number): number | undefined {
  const usualMs = 100 * 2 ** (nth - 1) * (1 + Math.random());
  if (error instanceof ApiError) {
    if (error.status === 401) return nth === 1 ? 0 : undefined;
    // No patch of ours names the version it changes: a conflict is a race between others that the server gave up on.
    if (error.status === 409 && method === 'PATCH') return usualMs;
    if (!retriedStatuses.has(error.status)) return undefined;
    // A 500 without a Retry-After is mostly a defect that stays; one more try covers a server that was just ending.
    return error.retryAfterMs === undefined ? usualMs : Math.min(error.retryAfterMs, longestRetryAfterMs);
  }
  return error instanceof ConnectionError ? usualMs : undefined;
}
