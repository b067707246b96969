/** What the tests of charts look for in rendered objects. */
import type { KubernetesObject } from './helm.ts';

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly resources?: { readonly requests?: Resources; readonly limits?: Resources };
  readonly startupProbe?: unknown;
  readonly livenessProbe?: unknown;
  readonly readinessProbe?: unknown;
  readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean };
}

type Resources = Readonly<Record<string, unknown>>;

interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

interface Template {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

/** Something that pods are made from, and the pods. */
export interface Workload {
  readonly object: KubernetesObject;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: PodSpec;
}

export function workloadsIn(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects.flatMap((object) => {
    const { spec, metadata } = object as KubernetesObject & { readonly spec?: { readonly template?: Template } };
    if (object.kind === 'Pod') return [{ object, labels: metadata.labels ?? {}, pod: spec as unknown as PodSpec }];
    const template = spec?.template;
    if (!template || !('spec' in template)) return [];
    return [{ object, labels: template.metadata?.labels ?? {}, pod: template.spec }];
  });
}

export const containersOf = ({ pod }: Workload): readonly Container[] => [
  ...(pod.initContainers ?? []),
  ...pod.containers,
];

/** The one object of that kind and name. @throws when there is none. */
export function objectOf(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found !== undefined) return found;
  const names = objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
  throw new Error(`there is no ${kind} ${name}, but ${names.join(', ') || 'none'}`);
}

/** `<Kind> <namespace>/<name>`, which is one object in a cluster. */
export const nameOf = ({ kind, metadata }: KubernetesObject): string =>
  `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

/**
 * The objects as they are apart from what is made anew each time: generated secrets, and what says that they have changed.
 */
export function withoutChance(objects: readonly KubernetesObject[]): string {
  const text = JSON.stringify(
    objects.map((object) => (object.kind === 'Secret' && isGenerated(object) ? { ...object, data: {} } : object)),
  );
  return text.replaceAll(/"checksum\/certificates":"[0-9a-f]*"/g, '"checksum/certificates":""');
}

function isGenerated({ metadata }: KubernetesObject): boolean {
  return /-redis$|-buildkit(-untrusted)?-(server|client)$/.test(metadata.name);
}
