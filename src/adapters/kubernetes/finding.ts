/** Something wrong with a workload, certain now or at a later moment. */
import type { Reason } from '../../domain/preview.ts';
import type { ClusterEvent, KubernetesObject } from './objects.ts';

export interface Finding {
  readonly reason: Reason;
  /** One sentence for the pull request's author. */
  readonly message: string;
  /** From when on nothing but a change by a person will help, in milliseconds since the epoch. */
  readonly certainAtMs: number;
  /** What the cluster said, where that proves it. */
  readonly log?: readonly string[];
  /** Whose output proves it. */
  readonly evidence?: Evidence;
}

/** The output of a container; `previous` asks for its run before the present one. */
export interface Evidence {
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
}

/** How long a cause that may heal by itself is waited for. */
export interface Patience {
  /** A Secret that an operator makes, a registry that does not answer, a quota that ending pods still fill. */
  readonly healingMs: number;
  /** Autoscalers look every ten seconds or so before they say that they add a node. */
  readonly schedulingMs: number;
  /** How late an event may be that explains what is seen: the kubelet sends few a second, about all pods of its node together. */
  readonly eventMs: number;
  /** The least that a readiness probe is given. */
  readonly probeMs: number;
  /** How long a container must have run since it crashed to count as recovered. */
  readonly crashMs: number;
}

export const defaultPatience: Patience = {
  healingMs: 5_000,
  schedulingMs: 15_000,
  probeMs: 10_000,
  crashMs: 10_000,
  eventMs: 10_000,
};

/** Certain whatever the time. */
export const already = 0;

/** When the event was last seen, in milliseconds since the epoch. */
export function eventTimeMs(event: ClusterEvent): number {
  return timeMs(
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp,
  );
}

/** Milliseconds since the epoch; 0 for no time. */
export function timeMs(time: string | null | undefined): number {
  const parsed = Date.parse(time ?? '');
  return Number.isNaN(parsed) ? 0 : parsed;
}

/**
 * When somebody other than Kubernetes itself last changed the object, to the second: older events about it may be about
 * what it was before.
 */
export function changedAtMs(object: KubernetesObject): number {
  const times = (object.metadata.managedFields ?? [])
    .filter(({ manager }) => manager !== 'kube-controller-manager')
    .map(({ time }) => timeMs(time));
  return Math.max(timeMs(object.metadata.creationTimestamp), ...times);
}
