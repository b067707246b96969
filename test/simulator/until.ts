import type { Delivery } from './webhooks/delivery.ts';
import type { LoggedRequest } from './http/request-log.ts';
import { fullName, type World } from './world/world.ts';

export interface UntilOptions {
  /** What is waited for, for the message. */
  readonly what: string;
  /** By default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Resolves with the first truthy value of the predicate, which is asked now and after every change on GitHub and every
 * request to it. Rejects after the time-out with a summary of what GitHub has, at once when the predicate throws.
 */
export function until<T>(
  world: World,
  summary: () => string,
  predicate: () => T | Promise<T>,
  { what, timeoutMs = 30_000, signal }: UntilOptions,
): Promise<NonNullable<T>> {
  return new Promise((resolve, reject) => {
    let asking = false;
    let again = false;
    const timer = setTimeout(() => finish(() => reject(timedOut())), timeoutMs);
    const aborted = () => finish(() => reject(new Error(`waiting for ${what}: stopped`, { cause: signal?.reason })));
    const unsubscribe = world.onChange(() => void ask());
    signal?.addEventListener('abort', aborted, { once: true });
    void ask();

    async function ask(): Promise<void> {
      again = true;
      if (asking) return;
      asking = true;
      try {
        while (again) {
          again = false;
          const value = await predicate();
          if (value) finish(() => resolve(value));
        }
      } catch (error) {
        finish(() => reject(new Error(`waiting for ${what}: the predicate failed`, { cause: error })));
      }
      asking = false;
    }

    function finish(settle: () => void): void {
      clearTimeout(timer);
      unsubscribe();
      signal?.removeEventListener('abort', aborted);
      again = false;
      settle();
    }

    function timedOut(): Error {
      return new Error(`waiting for ${what}: not within ${timeoutMs} ms\n${summary()}`);
    }
  });
}

/** The state in a few lines, for messages of tests that waited in vain. */
export function stateSummary(
  world: World,
  deliveries: readonly Delivery[],
  requests: readonly LoggedRequest[],
): string {
  const lines: string[] = [];
  for (const repository of world.repositories.values()) {
    for (const pull of repository.pullRequests.values()) {
      lines.push(
        `${fullName(repository)}#${pull.number} ${pull.state} at ${pull.head.sha} [${[...pull.labels].join(', ')}]`,
      );
    }
    for (const { user, issue, body } of repository.comments.values())
      lines.push(`  comment on ${issue} by ${user.login}: ${body}`);
    for (const { sha, name, status, conclusion } of repository.checkRuns.values()) {
      lines.push(`  check run ${name} at ${sha.slice(0, 7)}: ${conclusion ?? status}`);
    }
    for (const { sha, context, state } of repository.statuses)
      lines.push(`  status ${context} at ${sha.slice(0, 7)}: ${state}`);
    for (const { sha, environment, task, statuses } of repository.deployments.values()) {
      lines.push(
        `  deployment ${environment} ${task} at ${sha.slice(0, 7)}: ${statuses.map(({ state }) => state).join(', ')}`,
      );
    }
  }
  lines.push('last deliveries:');
  for (const { event, action, state, status } of deliveries.slice(-10))
    lines.push(`  ${event} ${action ?? ''} ${state} ${status}`);
  lines.push('last requests:');
  for (const { method, path, status } of requests.slice(-20)) lines.push(`  ${method} ${path} ${status}`);
  return lines.slice(0, 200).join('\n');
}
