/** Objects as a cluster has them, for tables. Times are seconds after `epoch`. */
import type {
  ClusterEvent,
  Condition,
  ContainerStatus,
  Deployment,
  Job,
  Metadata,
  Pod,
  Probe,
  ReplicaSet,
  StatefulSet,
} from '../../../src/adapters/kubernetes/objects.ts';
import type { WorkloadObjects } from '../../../src/adapters/kubernetes/workloads.ts';

export const epoch = Date.UTC(2030, 0, 1);

export function at(seconds: number): string {
  return new Date(epoch + seconds * 1000).toISOString();
}

export function objects(given: Partial<WorkloadObjects>): WorkloadObjects {
  return {
    deployments: [],
    replicaSets: [],
    statefulSets: [],
    daemonSets: [],
    jobs: [],
    pods: [],
    events: [],
    ...given,
  };
}

function metadata(name: string, owner?: string, more: Partial<Metadata> = {}): Metadata {
  return {
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: at(0),
    ...(owner === undefined ? {} : { ownerReferences: [{ kind: 'Owner', uid: `uid-${owner}`, controller: true }] }),
    ...more,
  };
}

const revision = (number: number) => ({ 'deployment.kubernetes.io/revision': String(number) });

/** A deployment `name` at revision `of` of its template, with so many new, available and old pods. */
export function deployment(
  name: string,
  counts: {
    of?: number;
    generation?: number;
    observed?: number;
    wanted?: number;
    updated?: number;
    total?: number;
    available?: number;
  } = {},
): Deployment {
  const {
    of = 1,
    generation = 1,
    observed = generation,
    wanted = 1,
    updated = 0,
    total = updated,
    available = 0,
  } = counts;
  return {
    metadata: metadata(name, undefined, { generation, annotations: revision(of) }),
    spec: { replicas: wanted },
    status: { observedGeneration: observed, updatedReplicas: updated, replicas: total, availableReplicas: available },
  };
}

/** The replica set of a deployment's revision, named `<deployment>-<revision>`. */
export function replicaSet(of: string, number = 1, conditions: readonly Condition[] = []): ReplicaSet {
  return {
    metadata: metadata(`${of}-${number}`, of, { annotations: revision(number) }),
    spec: {},
    status: { observedGeneration: 1, conditions },
  };
}

export function statefulSet(name: string, status: StatefulSet['status'] = {}, wanted = 1): StatefulSet {
  return { metadata: metadata(name), spec: { replicas: wanted }, status: { observedGeneration: 1, ...status } };
}

export function job(name: string, conditions: readonly Condition[] = [], annotations = {}): Job {
  return { metadata: metadata(name, undefined, { annotations }), spec: {}, status: { conditions } };
}

interface PodGiven {
  readonly name?: string;
  readonly owner?: string;
  readonly container?: Partial<ContainerStatus>;
  readonly init?: Partial<ContainerStatus>;
  readonly image?: string;
  readonly readinessProbe?: Probe;
  readonly memory?: string;
  readonly conditions?: readonly Condition[];
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ending?: boolean;
  readonly restartPolicy?: string;
}

/** A pod with a container `web`. */
export function pod(given: PodGiven = {}): Pod {
  const { name = 'web-1-a', owner = 'web-1', image = 'registry/web:1' } = given;
  return {
    metadata: metadata(name, owner === '' ? undefined : owner, {
      ...(given.labels && { labels: given.labels }),
      ...(given.ending && { deletionTimestamp: at(1) }),
    }),
    spec: {
      ...(given.restartPolicy && { restartPolicy: given.restartPolicy }),
      containers: [
        {
          name: 'web',
          image,
          ...(given.readinessProbe && { readinessProbe: given.readinessProbe }),
          ...(given.memory && { resources: { limits: { memory: given.memory } } }),
        },
      ],
      ...(given.init && { initContainers: [{ name: 'init', image }] }),
    },
    status: {
      phase: given.phase ?? 'Running',
      conditions: given.conditions ?? [],
      containerStatuses: [{ name: 'web', ready: false, restartCount: 0, ...given.container }],
      ...(given.init && { initContainerStatuses: [{ name: 'init', ready: false, restartCount: 0, ...given.init }] }),
    },
  };
}

export const ready: PodGiven = {
  conditions: [{ type: 'Ready', status: 'True' }],
  container: { ready: true, state: { running: { startedAt: at(1) } } },
};

/** An event about an object, in general or about its container `web`. */
export function event(about: string, reason: string, message: string, seconds = 5): ClusterEvent {
  return {
    metadata: metadata(`${about}.${reason}.${seconds}`),
    involvedObject: { uid: `uid-${about}`, fieldPath: 'spec.containers{web}' },
    reason,
    message,
    lastTimestamp: at(seconds),
  };
}
