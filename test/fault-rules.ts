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
export function seenRequest(method: string, url: string, userAgent: string): Omit<SeenRequest, 'fault'> {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const isWatch = ['1', 'true'].includes(searchParams.get('watch') ?? '');
  return { method, path: pathname, query: searchParams, isWatch, userAgent };
}

const reasons = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
} as const;

/** An error as Kubernetes words it. */
export function statusBody(code: keyof typeof reasons): string {
  const message = `the fault proxy answered ${code}`;
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: reasons[code], code, message });
}

/** The event by which a watch says that its version is too old. */
export const expiredEvent = `${JSON.stringify({ type: 'ERROR', object: JSON.parse(statusBody(410)) })}\n`;
