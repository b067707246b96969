/** What a fault proxy does to requests, and to which. Pure. */

/** The requests a rule is about; what is left out matches everything. */
export interface RequestMatch {
  readonly method?: string | readonly string[];
  /** Tested on the path, without the query. */
  readonly path?: RegExp;
  readonly isWatch?: boolean;
  /** Tested on the `User-Agent`, which tells Helm from Berth's own client. */
  readonly userAgent?: RegExp;
}

export type Fault =
  /** Passed on after a while. Long enough, it is a server that hangs. */
  | { readonly do: 'delay'; readonly ms: number }
  /** Passed on when the promise resolves. */
  | { readonly do: 'hold'; readonly until: Promise<unknown> }
  /** An error of the API server. `afterCommit`: the request is carried out first, only its answer is lost. */
  | {
      readonly do: 'answer';
      readonly status: 409 | 429 | 500 | 503 | 504;
      readonly retryAfterSeconds?: number;
      readonly afterCommit?: boolean;
    }
  /** The connection ends without an answer. `afterCommit`: the request is carried out first. */
  | { readonly do: 'drop'; readonly afterCommit?: boolean }
  /** A watch begins, and says at once that its version is too old (410). */
  | { readonly do: 'expire watch' }
  /** A watch begins, and nothing ever comes. */
  | { readonly do: 'silence watch' };

/** A request as the proxy saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  readonly userAgent: string;
  /** Whom it acts as, empty for itself. */
  readonly actsAs: string;
  /** What was done to it, `undefined` when it was passed on as it came. */
  readonly fault: Fault | undefined;
}

export function matches(match: RequestMatch, request: Omit<SeenRequest, 'fault'>): boolean {
  const methods = match.method === undefined ? undefined : [match.method].flat();
  return (
    (methods?.includes(request.method) ?? true) &&
    (match.path?.test(request.path) ?? true) &&
    (match.isWatch ?? request.isWatch) === request.isWatch &&
    (match.userAgent?.test(request.userAgent) ?? true)
  );
}

/** The request of this method and URL, read from its head. */
export function seenRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Omit<SeenRequest, 'fault'> {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const isWatch = ['1', 'true'].includes(searchParams.get('watch') ?? '');
  const header = (name: string) => String(headers[name] ?? '');
  const [userAgent, actsAs] = [header('user-agent'), header('impersonate-user')];
  return { method, path: pathname, query: searchParams, isWatch, userAgent, actsAs };
}

/** In the API server's own words: Helm passes them on, and has no other way to say what happened. */
const statuses = {
  409: ['Conflict', 'Operation cannot be fulfilled: the object has been modified; please apply your changes again'],
  410: ['Expired', 'The resourceVersion for the provided watch is too old.'],
  429: ['TooManyRequests', 'Too many requests, please try again later.'],
  500: ['InternalError', 'Internal error occurred: etcdserver: no leader'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'Timeout: request did not complete within requested timeout - context deadline exceeded'],
} as const;

/** An error as Kubernetes words it. */
export function statusBody(code: keyof typeof statuses): string {
  const [reason, message] = statuses[code];
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message });
}

/** The event by which a watch says that its version is too old. */
export const expiredEvent = `${JSON.stringify({ type: 'ERROR', object: JSON.parse(statusBody(410)) })}\n`;
