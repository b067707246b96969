/** Why a container that has been started does not serve: it crashes, or its probes fail. Pure. */
import { already, eventTimeMs, type Finding, type Patience, timeMs } from './finding.ts';
import type { ClusterEvent, ContainerStatus, Pod, Terminated } from './objects.ts';
import type { Workload } from './workloads.ts';

/** Reasons for which a container never ran. Source: containerd's and Docker's CRI implementations. */
const startErrors = new Set(['StartError', 'ContainerCannotRun']);
/** The kubelet forgets its back-off after ten minutes: an older crash says nothing about the present run. */
const freshMs = 10 * 60_000;

/** The crash that repeats, if there is one. A container that died once is not a failure yet. */
export function crash(
  workload: Workload,
  pod: Pod,
  status: ContainerStatus,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  // A job counts its pods' failures itself, and says when it gives up.
  if (workload.kind === 'job') return undefined;
  const last = status.state?.terminated ?? status.lastState?.terminated;
  const subject = `Container \`${status.name}\` of \`${workload.name}\``;
  const waiting = status.state?.waiting;
  if (last === undefined) {
    if (waiting?.reason !== 'RunContainerError') return undefined;
    const message = waiting.message ?? '';
    return {
      reason: 'ContainerCrashed',
      message: `${subject} cannot be started: ${lastCause(message)}.`,
      certainAtMs: already,
      log: [message],
    };
  }
  const evidence = { pod: pod.metadata.name, container: status.name, previous: status.state?.terminated === undefined };
  if (startErrors.has(last.reason ?? '')) {
    const message = `${subject} cannot be started: ${lastCause(last.message ?? '')}.`;
    return { reason: 'ContainerCrashed', message, certainAtMs: already, log: [last.message ?? ''] };
  }
  const probe = killedByProbe(status, events);
  if (probe !== undefined && last.exitCode !== 0) {
    const message = `${subject} is restarted again and again because its ${probe.kind} probe fails: ${probe.said}.`;
    return { reason: 'ProbeFailed', message, certainAtMs: already, evidence };
  }
  if (!repeats(pod, status, last)) return undefined;
  const isSaid = last.reason === 'OOMKilled';
  // The runtime at times misses that it was the kernel's doing. The kubelet sends SIGKILL too, and says why, in its time.
  if (isSaid || last.exitCode === 137) {
    return {
      reason: 'OutOfMemory',
      message: `${subject} ${outOfMemory(pod, status, last)}.`,
      certainAtMs: isSaid ? already : timeMs(last.finishedAt) + patience.eventMs,
      evidence,
    };
  }
  return { reason: 'ContainerCrashed', message: `${subject} ${exit(last)}.`, certainAtMs: already, evidence };
}

/** A container that runs and whose readiness probe has failed for longer than the probe itself allows. */
export function probeFailure(
  workload: Workload,
  pod: Pod,
  status: ContainerStatus,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  const probe = pod.spec.containers.find(({ name }) => name === status.name)?.readinessProbe;
  const { running } = status.state ?? {};
  // Until a startup probe has passed (`started`), the readiness probe is not asked.
  if (probe === undefined || running === undefined || status.started === false) return undefined;
  const startedAtMs = timeMs(running.startedAt);
  const failed = events.findLast((event) => isProbeFailure(event, 'Readiness') && eventTimeMs(event) >= startedAtMs);
  if (failed === undefined) return undefined;
  const budgetSeconds = (probe.initialDelaySeconds ?? 0) + (probe.failureThreshold ?? 3) * (probe.periodSeconds ?? 10);
  return {
    reason: 'ProbeFailed',
    message: `Container \`${status.name}\` of \`${workload.name}\` runs, but its readiness probe fails: ${saidBy(failed)}.`,
    certainAtMs: startedAtMs + Math.max(patience.probeMs, budgetSeconds * 1000),
    evidence: { pod: pod.metadata.name, container: status.name, previous: false },
  };
}

function repeats(pod: Pod, status: ContainerStatus, last: Terminated): boolean {
  if (status.state?.waiting?.reason === 'CrashLoopBackOff') return true;
  if (last.exitCode === 0) return false;
  if (pod.spec.restartPolicy === 'Never') return true;
  const ends = status.restartCount + (status.state?.terminated === undefined ? 0 : 1);
  return ends >= 2 && timeMs(last.finishedAt) - timeMs(last.startedAt) < freshMs;
}

function killedByProbe(status: ContainerStatus, events: readonly ClusterEvent[]) {
  if (status.restartCount === 0) return undefined;
  for (const kind of ['Liveness', 'Startup'] as const) {
    const failed = events.findLast((event) => isProbeFailure(event, kind));
    const killed = events.some(
      ({ reason, message }) => reason === 'Killing' && message?.includes(`failed ${kind.toLowerCase()} probe`),
    );
    if (failed !== undefined && killed) return { kind: kind.toLowerCase(), said: saidBy(failed) };
  }
  return undefined;
}

function isProbeFailure(event: ClusterEvent, kind: 'Readiness' | 'Liveness' | 'Startup'): boolean {
  return event.reason === 'Unhealthy' && (event.message?.startsWith(`${kind} probe `) ?? false);
}

/** `Readiness probe failed: HTTP probe failed with statuscode: 500` without its first part, on one line. */
function saidBy(event: ClusterEvent): string {
  const message = event.message ?? '';
  const said = message
    .slice(message.indexOf(': ') + 2)
    .replace(/\s+/g, ' ')
    .trim();
  return (said || 'it gives no reason').slice(0, 300).replace(/\.+$/, '');
}

function outOfMemory(pod: Pod, status: ContainerStatus, last: Terminated): string {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const limit = containers.find(({ name }) => name === status.name)?.resources?.limits?.['memory'];
  const what = last.reason === 'OOMKilled' ? 'runs out of memory' : 'is killed, most likely for want of memory';
  return limit === undefined ? what : `${what}: its limit of ${limit} is too low`;
}

function exit(last: Terminated): string {
  if (last.exitCode === 0) return 'ends by itself (exit code 0) instead of staying up';
  const hint = exitHints[last.exitCode];
  return `crashes with exit code ${last.exitCode}${hint === undefined ? '' : ` (${hint})`}`;
}

const exitHints: Readonly<Record<number, string>> = {
  126: 'the command cannot be executed',
  127: 'the command was not found',
  134: 'aborted',
  139: 'segmentation fault',
};

/** The innermost part of a runtime's chain of causes. */
function lastCause(text: string): string {
  const exec = /exec: (.*)$/s.exec(text);
  return (exec?.[1] ?? text)
    .replace(/\s+/g, ' ')
    .replace(/: unknown$/, '')
    .replace(/\.+$/, '')
    .trim()
    .slice(0, 300);
}
