/** Whether what runs in a namespace serves, and why not. Pure: the same objects at the same time give the same state. */
import type { Reason, WorkloadState } from '../../domain/preview.ts';
import { creationFailure } from './creation-failure.ts';
import { already, defaultPatience, type Evidence, eventTimeMs, type Finding, type Patience } from './finding.ts';
import type { ClusterEvent } from './objects.ts';
import { awaitsNode, podFailures, trustedAtMs } from './pod-failure.ts';
import { type Workload, type WorkloadObjects, workloadsOf } from './workloads.ts';

export interface Assessment {
  readonly state: WorkloadState;
  /** Whose output belongs into the diagnosis as its log. */
  readonly evidence?: Evidence;
  /** When a suspicion becomes a certainty although nothing changes, in milliseconds since the epoch. */
  readonly recheckAtMs?: number;
}

/** Causes before consequences: a container often crashes because another one cannot be started. */
const order: readonly Reason[] = [
  'QuotaExceeded',
  'ChartInvalid',
  'ConfigMissing',
  'ImagePullFailed',
  'Unschedulable',
  'OutOfMemory',
  'ContainerCrashed',
  'ReleaseFailed',
  'ProbeFailed',
];

/** The state of all workloads of a namespace: failing as soon as one certainly fails, ready when every one is. */
export function workloadState(
  objects: WorkloadObjects,
  nowMs: number,
  patience: Patience = defaultPatience,
): Assessment {
  const workloads = workloadsOf(objects);
  if (workloads.length === 0) return { state: { state: 'none' } };
  const trustAtMs = ({ pods }: Workload) => Math.max(0, ...pods.map((pod) => trustedAtMs(pod, patience)));
  const unsettled = workloads.filter((workload) => !workload.settled || trustAtMs(workload) > nowMs);
  if (unsettled.length === 0) return { state: { state: 'ready' } };

  const inOrder = objects.events.toSorted((a, b) => eventTimeMs(a) - eventTimeMs(b));
  const events = Map.groupBy(inOrder, ({ involvedObject }) => involvedObject.uid ?? '');
  const findings = unsettled
    .flatMap((workload) => findingsOf(workload, events, nowMs, patience))
    .toSorted((a, b) => order.indexOf(a.reason) - order.indexOf(b.reason));
  const certain = findings.find(({ certainAtMs }) => certainAtMs <= nowMs);
  if (certain !== undefined) {
    const { reason, message, log = [], evidence } = certain;
    const state = { state: 'failing', diagnosis: { reason, message, ...(log.length > 0 ? { log } : {}) } } as const;
    return evidence === undefined ? { state } : { state, evidence };
  }
  const state = { state: 'progressing', message: progress(workloads, unsettled, events) } as const;
  const moments = [...findings.map(({ certainAtMs }) => certainAtMs), ...unsettled.map(trustAtMs)];
  const recheckAtMs = Math.min(...moments.filter((moment) => moment > nowMs));
  return recheckAtMs === Infinity ? { state } : { state, recheckAtMs };
}

function findingsOf(
  workload: Workload,
  events: ReadonlyMap<string, readonly ClusterEvent[]>,
  nowMs: number,
  patience: Patience,
): readonly Finding[] {
  return [
    creationFailure(workload, events, patience),
    jobFailure(workload),
    ...workload.pods.flatMap((pod) => podFailures(workload, pod, events.get(pod.metadata.uid) ?? [], nowMs, patience)),
  ].filter((finding) => finding !== undefined);
}

function jobFailure(workload: Workload): Finding | undefined {
  const failed = workload.conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (workload.kind !== 'job' || failed === undefined) return undefined;
  const pod = workload.pods.findLast(({ status }) => status?.phase === 'Failed');
  const container = pod?.status?.containerStatuses?.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const exitCode = container?.state?.terminated?.exitCode;
  const why = exitCode === undefined ? (failed.message ?? failed.reason ?? 'no reason given') : `exit code ${exitCode}`;
  return {
    reason: 'ContainerCrashed',
    message: `The job \`${workload.name}\` failed: ${why.replace(/\.+$/, '')}.`,
    certainAtMs: already,
    ...(pod && container && { evidence: { pod: pod.metadata.name, container: container.name, previous: false } }),
  };
}

function progress(
  workloads: readonly Workload[],
  unsettled: readonly Workload[],
  events: ReadonlyMap<string, readonly ClusterEvent[]>,
): string {
  const wanted = sum(workloads.map((workload) => workload.wanted));
  const ready = sum(workloads.map((workload) => Math.min(workload.ready, workload.wanted)));
  const named = unsettled.slice(0, 3).map(({ name }) => `\`${name}\``);
  const names =
    named.join(', ') + (unsettled.length > named.length ? ` and ${unsettled.length - named.length} more` : '');
  const awaited = unsettled.some(({ pods }) => pods.some((pod) => awaitsNode(pod, events.get(pod.metadata.uid) ?? [])));
  const count = `${ready} of ${wanted} ${wanted === 1 ? 'pod is' : 'pods are'} ready`;
  if (awaited) return `${count}; a node is being added for ${names}`;
  return ready === wanted ? `${count}; waiting for ${names} to settle` : `${count}; waiting for ${names}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
