/** Counts requests to GitHub, and reads from its answers how many more it takes. */
import { RetryLaterError } from '../../domain/errors.ts';
import type { Clock } from '../../ports.ts';
import type { ForgeOutcome, Telemetry } from '../../telemetry.ts';
import { RefusedError } from './refused-error.ts';

export type RequestTelemetry = Pick<Telemetry, 'forgeAsked' | 'forgeBudget'>;

type Headers = Readonly<Record<string, string | number | undefined>>;

/** @returns what to call with a caller when a request begins; that returns what to call when it has ended. */
export function requestMeter(telemetry: RequestTelemetry | undefined, clock: Clock) {
  return (caller: string) => {
    const startedAt = performance.now();
    return (outcome: ForgeOutcome, headers: Headers | undefined): void => {
      telemetry?.forgeAsked(outcome, performance.now() - startedAt);
      const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
        Number(headers?.[`x-ratelimit-${name}`] ?? Number.NaN),
      ) as [number, number, number];
      // Other resources, such as the search, have budgets of their own.
      if (Number.isNaN(limit + remaining + reset) || (headers?.['x-ratelimit-resource'] ?? 'core') !== 'core') return;
      const gitHubNow = Date.parse(String(headers?.['date'] ?? ''));
      const skewMs = Number.isNaN(gitHubNow) ? 0 : clock.now() - gitHubNow;
      telemetry?.forgeBudget(caller, { limit, remaining, resetAt: reset * 1_000 + skewMs });
    };
  };
}

/** What an error of a request means. */
export function outcomeOf(error: Error): ForgeOutcome {
  if (error instanceof RetryLaterError) return 'limited';
  if (!(error instanceof RefusedError)) return 'failed';
  return error.status === 304 ? 'unchanged' : 'refused';
}
