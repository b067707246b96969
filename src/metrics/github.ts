/** Requests to GitHub, and how many more it takes. */
import { Gauge, Histogram, type Registry } from 'prom-client';
import { type ForgeBudget, forgeOutcomes, type Telemetry } from '../telemetry.ts';
import { answerBuckets, seconds } from './durations.ts';

/** `now` gives milliseconds since the epoch. */
export function githubMetrics(registers: Registry[], now: () => number): Pick<Telemetry, 'forgeAsked' | 'forgeBudget'> {
  const budgets = new Map<string, ForgeBudget>();
  const requests = new Histogram({
    name: 'berth_github_request_duration_seconds',
    help:
      'Duration of requests to GitHub by outcome: answered, unchanged (304, which costs nothing), refused (GitHub said no), limited ' +
      '(it said "too much"), failed (no answer, or an outage).',
    labelNames: ['outcome'],
    buckets: [...answerBuckets],
    registers,
  });
  const limit = new Gauge({
    name: 'berth_github_budget_requests',
    help: 'Requests that GitHub takes in an hour, by installation of the App; "the app" is the App itself.',
    labelNames: ['caller'],
    registers,
  });
  const reset = new Gauge({
    name: 'berth_github_budget_reset_timestamp_seconds',
    help: 'When the budget is full again.',
    labelNames: ['caller'],
    registers,
  });
  // Written while it is read: what was left is old news once the hour is over, and nobody may ask GitHub just to know.
  const remaining = new Gauge({
    name: 'berth_github_budget_remaining_requests',
    help: 'Requests that are left of the budget, as GitHub told this process last. All processes share it: look at the lowest.',
    labelNames: ['caller'],
    registers,
    collect() {
      for (const [caller, budget] of budgets) {
        remaining.set({ caller }, budget.resetAt > now() ? budget.remaining : budget.limit);
      }
    },
  });
  for (const outcome of forgeOutcomes) requests.zero({ outcome });
  return {
    forgeAsked: (outcome, durationMs) => requests.observe({ outcome }, seconds(durationMs)),
    forgeBudget(caller, budget) {
      budgets.set(caller, budget);
      limit.set({ caller }, budget.limit);
      reset.set({ caller }, seconds(budget.resetAt));
    },
  };
}
