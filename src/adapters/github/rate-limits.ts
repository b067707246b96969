/**
 * GitHub's rate limits, as its documentation asks for them to be honoured: `retry-after`, then `x-ratelimit-reset`, else
 * at least a minute, longer each time. Source: docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api.
 */
import { RetryLaterError } from '../../domain/errors.ts';
import type { Clock } from '../../ports.ts';

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly body: unknown;
}

export interface RateLimits {
  /** @throws RetryLaterError while the caller is limited: asking again would only prolong it. */
  check(caller: string): void;
  /** The error for an answer that means "too much", `undefined` for any other answer. */
  limited(caller: string, answer: Refusal): RetryLaterError | undefined;
  /** A request got through: the next unexplained limit starts at a minute again. */
  passed(caller: string): void;
}

const leastWaitMs = 60_000;
const longestWaitMs = 15 * 60_000;
/** Whole seconds are what GitHub tells: a second more is never too early. */
const roundingMs = 1_000;

export function createRateLimits(clock: Clock): RateLimits {
  const callers = new Map<string, { readonly until: number; readonly strikes: number }>();

  return {
    check(caller) {
      const state = callers.get(caller);
      if (state && state.until > clock.now()) throw error(caller, state.until);
    },
    limited(caller, { status, headers, body }) {
      if (status !== 403 && status !== 429) return undefined;
      const retryAfterMs = Number(headers['retry-after'] ?? Number.NaN) * 1_000;
      const isSpent = headers['x-ratelimit-remaining'] !== undefined && Number(headers['x-ratelimit-remaining']) === 0;
      if (status === 403 && Number.isNaN(retryAfterMs) && !isSpent && !mentionsLimit(body)) return undefined;
      const previous = callers.get(caller);
      let strikes = previous?.strikes ?? 0;
      let waitMs: number;
      if (!Number.isNaN(retryAfterMs)) {
        waitMs = retryAfterMs;
      } else if (isSpent) {
        waitMs = resetInMs(headers, clock) + roundingMs;
      } else {
        waitMs = Math.min(leastWaitMs * 2 ** strikes, longestWaitMs);
        // Requests that were under way together are one strike.
        if (!previous || previous.until <= clock.now()) strikes += 1;
      }
      const until = Math.max(clock.now() + waitMs, previous?.until ?? 0);
      callers.set(caller, { until, strikes });
      return error(caller, until);
    },
    passed(caller) {
      const state = callers.get(caller);
      if (state && state.until <= clock.now()) callers.delete(caller);
    },
  };
}

/** How far away the reset is by GitHub's own clock, which may differ from ours. */
function resetInMs(headers: Refusal['headers'], clock: Clock): number {
  const gitHubNow = Date.parse(String(headers['date'] ?? ''));
  const resetAt = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * 1_000;
  if (Number.isNaN(resetAt)) return leastWaitMs;
  return Math.max(resetAt - (Number.isNaN(gitHubNow) ? clock.now() : gitHubNow), 0);
}

/**
 * A secondary limit without headers is told apart from a missing permission by nothing but its wording, which GitHub
 * documents ("an error message that indicates that you exceeded a secondary rate limit").
 */
function mentionsLimit(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  const { message, documentation_url: page } = body as {
    readonly message?: unknown;
    readonly documentation_url?: unknown;
  };
  return /rate-limit/.test(String(page)) || /\bsecondary rate limit\b|\babuse detection\b/i.test(String(message));
}

function error(caller: string, until: number): RetryLaterError {
  return new RetryLaterError(`GitHub limits the requests of ${caller} until ${new Date(until).toISOString()}`, until);
}
