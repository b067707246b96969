/** Why the pods of a workload cannot even be created: quota, limits, admission. Pure. */
import { already, changedAtMs, eventTimeMs, type Finding, type Patience, timeMs } from './finding.ts';
import type { ClusterEvent } from './objects.ts';
import type { Workload } from './workloads.ts';

/** The refusal that keeps the workload's pods from being created, if there is one. */
export function creationFailure(
  workload: Workload,
  events: ReadonlyMap<string, readonly ClusterEvent[]>,
  patience: Patience,
): Finding | undefined {
  const { creator } = workload;
  if (creator === undefined || workload.pods.length >= workload.wanted) return undefined;
  const refusal = refusalByCondition(workload) ?? refusalByEvent(workload, events.get(creator.metadata.uid) ?? []);
  return refusal === undefined ? undefined : classify(workload, refusal.text, refusal.sinceMs + patience.healingMs);
}

interface Refusal {
  readonly text: string;
  readonly sinceMs: number;
}

function refusalByCondition(workload: Workload): Refusal | undefined {
  const condition = workload.conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (condition === undefined) return undefined;
  return { text: condition.message ?? '', sinceMs: timeMs(condition.lastTransitionTime) };
}

/** Stateful sets, daemon sets and jobs tell it by events only. */
function refusalByEvent(workload: Workload, events: readonly ClusterEvent[]): Refusal | undefined {
  if (workload.creator === undefined) return undefined;
  // An older event may be about the workload as it was before the upgrade.
  const sinceMs = changedAtMs(workload.creator);
  const latest = (reason: string) =>
    events
      .filter((event) => event.reason === reason && eventTimeMs(event) >= sinceMs)
      .toSorted((a, b) => eventTimeMs(a) - eventTimeMs(b))
      .at(-1);
  const failed = latest('FailedCreate');
  if (failed === undefined) return undefined;
  const created = latest('SuccessfulCreate');
  if (created !== undefined && eventTimeMs(created) > eventTimeMs(failed)) return undefined;
  return { text: failed.message ?? '', sinceMs };
}

function classify(workload: Workload, text: string, healedByMs: number): Finding | undefined {
  const said = text.slice(text.indexOf('forbidden: ') < 0 ? 0 : text.indexOf('forbidden: ') + 'forbidden: '.length);
  const log = [text];
  // The quota is newer than its first count; the controller tries again within a second.
  if (said.includes('status unknown for quota')) return undefined;
  if (said.includes('exceeded quota')) {
    const numbers = said.slice(said.indexOf(', ') + 2);
    return finding('QuotaExceeded', `The pods of \`${workload.name}\` exceed the preview's quota: ${numbers}.`);
  }
  if (said.includes('failed quota') || /\b(maximum|minimum) \S+ usage per /.test(said)) {
    return finding('QuotaExceeded', `The pods of \`${workload.name}\` do not fit the preview's limits: ${said}.`);
  }
  if (said.includes('violates PodSecurity')) {
    const rules = said.slice(said.indexOf(': ') + 2);
    return {
      ...finding('ChartInvalid', `The security rules of previews forbid the pods of \`${workload.name}\`: ${rules}.`),
      certainAtMs: already,
    };
  }
  const account = /serviceaccount "([^"]+)" not found/.exec(said);
  if (account) {
    return finding(
      'ConfigMissing',
      `The service account \`${account[1]}\` that \`${workload.name}\` names is missing.`,
    );
  }
  return finding('ReleaseFailed', `The cluster refuses to create the pods of \`${workload.name}\`: ${said}.`);

  function finding(reason: Finding['reason'], message: string): Finding {
    return { reason, message: message.replace(/\.\.$/, '.'), certainAtMs: healedByMs, log };
  }
}
