/** Why a pod does not become ready. Pure. */
import { already, type Finding, type Patience, timeMs } from './finding.ts';
import { crash, probeFailure } from './container-failure.ts';
import { imageFailure } from './image-failure.ts';
import type { ClusterEvent, ContainerStatus, Pod } from './objects.ts';
import { containerStatusesOf, isReady, type Workload } from './workloads.ts';

/**
 * When a pod that has crashed before is believed again, in milliseconds since the epoch; 0 for one that has not. Without a
 * readiness probe a pod is ready the moment it is started, also between two crashes.
 */
export function trustedAtMs(pod: Pod, patience: Patience): number {
  const trusted = (pod.status?.containerStatuses ?? [])
    .filter(({ lastState }) => (lastState?.terminated?.exitCode ?? 0) !== 0)
    .map(({ state }) => timeMs(state?.running?.startedAt) + patience.crashMs);
  return Math.max(0, ...trusted);
}

/** Everything wrong with a pod, in no order; empty for a pod that is ready, done, or on its way. */
export function podFailures(
  workload: Workload,
  pod: Pod,
  events: readonly ClusterEvent[],
  nowMs: number,
  patience: Patience,
): readonly Finding[] {
  const isSteady = isReady(pod) && trustedAtMs(pod, patience) <= nowMs;
  if (isSteady || pod.status?.phase === 'Succeeded') return [];
  const statuses = containerStatusesOf(pod);
  return [
    schedulingFailure(workload, pod, events, patience),
    mountFailure(workload, pod, events, patience),
    ...statuses
      .filter(({ ready, lastState }) => !ready || lastState?.terminated !== undefined)
      .map((status) => containerFailure(workload, pod, status, events, patience)),
  ].filter((finding) => finding !== undefined);
}

/** Whether an autoscaler has said that it adds a node for the pod. */
export function awaitsNode(pod: Pod, events: readonly ClusterEvent[]): boolean {
  return isUnschedulable(pod) && events.some(({ reason }) => reason === 'TriggeredScaleUp' || reason === 'Nominated');
}

function containerFailure(
  workload: Workload,
  pod: Pod,
  status: ContainerStatus,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  const own = events.filter(({ involvedObject }) => involvedObject.fieldPath?.endsWith(`{${status.name}}`));
  return (
    imageFailure(workload, pod, status, own, patience) ??
    configFailure(workload, pod, status, patience) ??
    crash(workload, pod, status, own, patience) ??
    probeFailure(workload, pod, status, own, patience)
  );
}

function isUnschedulable(pod: Pod): boolean {
  return unschedulable(pod) !== undefined;
}

function unschedulable(pod: Pod) {
  return pod.status?.conditions?.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
}

function schedulingFailure(
  workload: Workload,
  pod: Pod,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  const condition = unschedulable(pod);
  if (condition === undefined || awaitsNode(pod, events)) return undefined;
  const noNodeToCome = events.some(({ reason }) => reason === 'NotTriggerScaleUp');
  return {
    reason: 'Unschedulable',
    message: `No node can run \`${workload.name}\`: ${sentence(condition.message ?? 'the scheduler gives no reason')}`,
    certainAtMs: noNodeToCome ? already : timeMs(condition.lastTransitionTime) + patience.schedulingMs,
  };
}

/** A volume made of a ConfigMap or Secret that does not exist; the container just stays in creation. */
function mountFailure(
  workload: Workload,
  pod: Pod,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  const creating = pod.status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === 'ContainerCreating');
  if (!creating && pod.status?.containerStatuses !== undefined) return undefined;
  for (const { reason, message } of events) {
    if (reason !== 'FailedMount') continue;
    const missing = missingConfig(message ?? '');
    if (missing === undefined) continue;
    return {
      reason: 'ConfigMissing',
      message: `A volume of \`${workload.name}\` needs ${missing}.`,
      certainAtMs: timeMs(pod.metadata.creationTimestamp) + patience.healingMs,
      log: [message ?? ''],
    };
  }
  return undefined;
}

function configFailure(workload: Workload, pod: Pod, status: ContainerStatus, patience: Patience): Finding | undefined {
  const { reason, message = '' } = status.state?.waiting ?? {};
  if (reason !== 'CreateContainerConfigError' && reason !== 'CreateContainerError') return undefined;
  // The kubelet has not read it yet: it will say whether it exists.
  if (/failed to sync \w+ cache/.test(message)) return undefined;
  const certainAtMs = timeMs(pod.metadata.creationTimestamp) + patience.healingMs;
  const missing = missingConfig(message);
  const subject = `Container \`${status.name}\` of \`${workload.name}\``;
  if (missing !== undefined) {
    return { reason: 'ConfigMissing', message: `${subject} needs ${missing}.`, certainAtMs, log: [message] };
  }
  if (message.includes('runAsNonRoot')) {
    // A name might be root's, as far as Kubernetes knows.
    const user = /non-numeric user \(([^)]{1,100})\)/.exec(message)?.[1];
    const not =
      user === undefined ? 'must not run as root' : `runs as \`${user}\`, which might be root for all Kubernetes knows`;
    // The pull request's author may have no chart to change: the built-in one takes it from `values`.
    const inChart = `in the chart as \`securityContext.runAsUser\`, in the built-in one by \`${workload.name}: { runAsUser: 1000 }\``;
    const what = `${not}: name a user by its number, in the Dockerfile (\`USER 1000\`) or ${inChart}`;
    return { reason: 'ChartInvalid', message: `${subject} ${what}.`, certainAtMs: already, log: [message] };
  }
  return {
    reason: reason === 'CreateContainerConfigError' ? 'ConfigMissing' : 'ContainerCrashed',
    message: `${subject} cannot be created: ${sentence(message)}`,
    certainAtMs,
    log: [message],
  };
}

/** The ConfigMap or Secret, or the key of one, that the kubelet says is missing. */
function missingConfig(text: string): string | undefined {
  const key = /couldn't find key (\S+) in (ConfigMap|Secret) [^/\s]*\/(\S+)/.exec(text);
  if (key) return `the key \`${key[1]}\` of the ${key[2]} \`${key[3]}\`, which is missing`;
  const volumeKey = /(configmap|secret) "?([^"\s]*)"?.*references non-existent (?:config|secret) key: (\S+)/i.exec(
    text,
  );
  if (volumeKey) return `the key \`${volumeKey[3]}\`, which is missing`;
  const object = /\b(configmap|secret)s? "([^"]+)" not found/.exec(text);
  if (object) return `the ${object[1] === 'secret' ? 'Secret' : 'ConfigMap'} \`${object[2]}\`, which is missing`;
  return undefined;
}

function sentence(text: string): string {
  return `${text.trim().replace(/\.+$/, '')}.`;
}
