/** What the API server answered instead of what was asked for. */
import type { ApiStatus } from './objects.ts';

/** A reply with a status that is no success. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Kubernetes' machine-readable cause, e.g. `AlreadyExists`; `undefined` when something else replied. */
  readonly reason: string | undefined;
  /** The API server's own sentence, without what was being done. */
  readonly detail: string;
  /** How long the server wants to be left alone. */
  readonly retryAfterMs: number | undefined;
  constructor(doing: string, status: number, body: string, retryAfter: string | undefined) {
    const parsed = statusOf(body);
    const detail = parsed?.message ?? (body.slice(0, 200) || 'no message');
    super(`${doing}: ${status} ${detail}`);
    this.status = status;
    this.reason = parsed?.reason;
    this.detail = detail;
    const seconds = Number(retryAfter);
    this.retryAfterMs = retryAfter !== undefined && seconds >= 0 ? seconds * 1000 : undefined;
  }
}

/** The status of an `ApiError`, `undefined` for any other error. */
export function apiStatusOf(error: unknown): number | undefined {
  return error instanceof ApiError ? error.status : undefined;
}

/** Does it; an answer with one of these statuses is as good as success. */
export async function ignoring(statuses: readonly number[], action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const status = apiStatusOf(error);
    if (status === undefined || !statuses.includes(status)) throw error;
  }
}

function statusOf(body: string): ApiStatus | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    // Not JSON: a proxy or load balancer replied. The raw text is all there is to say.
    return undefined;
  }
}
