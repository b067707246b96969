/**
 * Which objects a release has, to notice when one of them is deleted by hand: Helm's own record does not change then. Those
 * that serve are enough, and each belongs to Helm by its annotation. Others come and go on their own, as finished jobs do.
 */
import { releaseName } from '../../domain/names.ts';
import type { KubernetesApi } from './api.ts';
import { corePath, metadataOnly, workloadCollections } from './collections.ts';
import type { KubernetesObject } from './objects.ts';

/** Helm's, on everything it makes. Source: helm.sh/docs/chart_best_practices/labels */
const releaseAnnotation = 'meta.helm.sh/release-name';

const workloadKinds = ['deployments', 'statefulSets', 'daemonSets'] as const;
type Workloads = Readonly<Record<(typeof workloadKinds)[number], readonly KubernetesObject[]>>;

/** The objects of the release that are there, as `kind/name`. */
export function inventory(workloads: Workloads, services: readonly KubernetesObject[]): readonly string[] {
  const ofRelease = (kind: string, objects: readonly KubernetesObject[]) =>
    objects.filter(isOfRelease).map(({ metadata }) => `${kind}/${metadata.name}`);
  return [...workloadKinds.flatMap((kind) => ofRelease(kind, workloads[kind])), ...ofRelease('services', services)];
}

/** The same, read afresh. */
export async function readInventory(
  api: KubernetesApi,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const read = async (kind: (typeof workloadKinds)[number]) =>
    (await api.list<KubernetesObject>({ ...workloadCollections[kind](namespace), accept: metadataOnly }, signal)).items;
  const [deployments, statefulSets, daemonSets, services] = await Promise.all([
    read('deployments'),
    read('statefulSets'),
    read('daemonSets'),
    readServices(api, namespace, signal),
  ]);
  return inventory({ deployments, statefulSets, daemonSets }, services);
}

/** The namespace's services, their metadata alone. */
export async function readServices(
  api: KubernetesApi,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  const collection = { path: corePath(namespace, 'services'), accept: metadataOnly };
  return (await api.list<KubernetesObject>(collection, signal)).items;
}

function isOfRelease({ metadata }: KubernetesObject): boolean {
  return metadata.annotations?.[releaseAnnotation] === releaseName && metadata.deletionTimestamp === undefined;
}
