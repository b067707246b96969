/** What runs in a namespace, as one list: each controller with the pods of its current generation. Pure. */
import type {
  ClusterEvent,
  Condition,
  ContainerStatus,
  DaemonSet,
  Deployment,
  Job,
  KubernetesObject,
  Pod,
  ReplicaSet,
  StatefulSet,
} from './objects.ts';

/** Everything that decides the state of a namespace's workloads. */
export interface WorkloadObjects {
  readonly deployments: readonly Deployment[];
  readonly replicaSets: readonly ReplicaSet[];
  readonly statefulSets: readonly StatefulSet[];
  readonly daemonSets: readonly DaemonSet[];
  readonly jobs: readonly Job[];
  readonly pods: readonly Pod[];
  readonly events: readonly ClusterEvent[];
}

export interface Workload {
  readonly kind: 'deployment' | 'replica set' | 'stateful set' | 'daemon set' | 'job' | 'pod';
  readonly name: string;
  /** How many pods should be ready, or completed for a job. */
  readonly wanted: number;
  readonly ready: number;
  /** Everything wanted is there and nothing of an older generation serves any more. */
  readonly settled: boolean;
  /** Pods of the current generation that are not on their way out; empty until the controller has seen it. */
  readonly pods: readonly Pod[];
  /** The object whose controller creates the pods; `undefined` until it has seen the current generation. */
  readonly creator: KubernetesObject | undefined;
  readonly conditions: readonly Condition[];
}

/** Every workload, by name. Hooks and their pods are left out: Helm waits for those. */
export function workloadsOf(objects: WorkloadObjects): readonly Workload[] {
  const podsOf = podsByOwner(objects.pods);
  const replicaSetsOf = Map.groupBy(objects.replicaSets, (set) => ownerOf(set) ?? '');
  return [
    ...objects.deployments.map((it) => deployment(it, replicaSetsOf.get(it.metadata.uid) ?? [], podsOf)),
    ...objects.replicaSets.filter((it) => ownerOf(it) === undefined).map((it) => replicaSet(it, podsOf)),
    ...objects.statefulSets.map((it) => statefulSet(it, podsOf)),
    ...objects.daemonSets.map((it) => daemonSet(it, podsOf)),
    ...objects.jobs.filter((it) => ownerOf(it) === undefined && !isHook(it)).map((it) => job(it, podsOf)),
    ...objects.pods.filter((it) => ownerOf(it) === undefined && !isHook(it) && !isEnding(it)).map(barePod),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** What is known of the pod's containers, in the order in which they start. */
export function containerStatusesOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** The pods of a controller that are not on their way out. */
type PodsOf = (owner: KubernetesObject) => readonly Pod[];

const revisionAnnotation = 'deployment.kubernetes.io/revision';

function deployment(it: Deployment, replicaSets: readonly ReplicaSet[], podsOf: PodsOf): Workload {
  const wanted = it.spec.replicas ?? 1;
  const status = it.status ?? {};
  const observed = isObserved(it, status.observedGeneration);
  // The deployment names its revision before it claims to have seen the generation. A replica set of another revision is
  // an older one: the new one is not in our copy yet.
  const revision = it.metadata.annotations?.[revisionAnnotation];
  const current = observed
    ? replicaSets.find((set) => revision !== undefined && set.metadata.annotations?.[revisionAnnotation] === revision)
    : undefined;
  const pods = current === undefined ? [] : podsOf(current);
  return {
    kind: 'deployment',
    name: it.metadata.name,
    wanted,
    ready: pods.filter(isReady).length,
    settled:
      observed &&
      (status.updatedReplicas ?? 0) === wanted &&
      (status.replicas ?? 0) === wanted &&
      (status.availableReplicas ?? 0) === wanted,
    pods,
    creator: current,
    conditions: current?.status?.conditions ?? [],
  };
}

function replicaSet(it: ReplicaSet, podsOf: PodsOf): Workload {
  const wanted = it.spec.replicas ?? 1;
  const observed = isObserved(it, it.status?.observedGeneration);
  const pods = observed ? podsOf(it) : [];
  return {
    kind: 'replica set',
    name: it.metadata.name,
    wanted,
    ready: pods.filter(isReady).length,
    settled: observed && (it.status?.replicas ?? 0) === wanted && (it.status?.availableReplicas ?? 0) === wanted,
    pods,
    creator: observed ? it : undefined,
    conditions: it.status?.conditions ?? [],
  };
}

function statefulSet(it: StatefulSet, podsOf: PodsOf): Workload {
  const wanted = it.spec.replicas ?? 1;
  const status = it.status ?? {};
  const observed = isObserved(it, status.observedGeneration);
  const { type, rollingUpdate } = it.spec.updateStrategy ?? {};
  // With `OnDelete` or a partition, older pods stay on purpose.
  const updatesAll = type !== 'OnDelete' && !rollingUpdate?.partition;
  const pods = (observed ? podsOf(it) : []).filter(
    (pod) => !updatesAll || pod.metadata.labels?.['controller-revision-hash'] === status.updateRevision,
  );
  return {
    kind: 'stateful set',
    name: it.metadata.name,
    wanted,
    ready: pods.filter(isReady).length,
    settled:
      observed &&
      (status.replicas ?? 0) === wanted &&
      (status.readyReplicas ?? 0) === wanted &&
      (!updatesAll || wanted === 0 || status.currentRevision === status.updateRevision),
    pods,
    // A controller that cannot create the first pod does not get to say that it has seen the generation.
    creator: it,
    conditions: [],
  };
}

function daemonSet(it: DaemonSet, podsOf: PodsOf): Workload {
  const status = it.status ?? {};
  const observed = isObserved(it, status.observedGeneration);
  const wanted = status.desiredNumberScheduled ?? 0;
  const updatesAll = it.spec.updateStrategy?.type !== 'OnDelete';
  // The annotation is called deprecated and has been set by every release since 1.9.
  const generation = it.metadata.annotations?.['deprecated.daemonset.template.generation'];
  const pods = (observed ? podsOf(it) : []).filter(
    (pod) => generation === undefined || pod.metadata.labels?.['pod-template-generation'] === generation,
  );
  return {
    kind: 'daemon set',
    name: it.metadata.name,
    wanted,
    ready: pods.filter(isReady).length,
    settled:
      observed &&
      (status.numberAvailable ?? 0) >= wanted &&
      (!updatesAll || (status.updatedNumberScheduled ?? 0) >= wanted),
    pods,
    creator: observed ? it : undefined,
    conditions: [],
  };
}

function job(it: Job, podsOf: PodsOf): Workload {
  const conditions = it.status?.conditions ?? [];
  const complete = conditions.some(({ type, status }) => type === 'Complete' && status === 'True');
  return {
    kind: 'job',
    name: it.metadata.name,
    wanted: it.spec.suspend ? 0 : (it.spec.completions ?? it.spec.parallelism ?? 1),
    ready: it.status?.succeeded ?? 0,
    settled: complete || it.spec.suspend === true,
    pods: podsOf(it),
    creator: it,
    conditions,
  };
}

function barePod(it: Pod): Workload {
  const done = isReady(it) || it.status?.phase === 'Succeeded';
  return {
    kind: 'pod',
    name: it.metadata.name,
    wanted: 1,
    ready: done ? 1 : 0,
    settled: done,
    pods: [it],
    creator: undefined,
    conditions: [],
  };
}

function podsByOwner(pods: readonly Pod[]): PodsOf {
  const byOwner = Map.groupBy(
    pods.filter((pod) => !isEnding(pod)),
    (pod) => ownerOf(pod) ?? '',
  );
  return (owner) => byOwner.get(owner.metadata.uid) ?? [];
}

function ownerOf(object: KubernetesObject): string | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller)?.uid;
}

function isObserved(object: KubernetesObject, observedGeneration: number | undefined): boolean {
  return (observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
}

function isHook(object: KubernetesObject): boolean {
  return object.metadata.annotations?.['helm.sh/hook'] !== undefined;
}

function isEnding(object: KubernetesObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
