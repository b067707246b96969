/** The state of a preview's namespace. Pure. */
import type { NamespaceState, PreviewKey } from '../../domain/preview.ts';
import { timeMs } from './finding.ts';
import { revisionAnnotation } from './metadata.ts';
import type { Namespace } from './objects.ts';
import { ownerKey } from './ownership.ts';

/** Finalizers of Kubernetes itself, e.g. of volumes in use, let go within seconds. */
const finalizerGraceMs = 10_000;
/** Pods may take their time to end. */
const contentGraceMs = 60_000;

/** The one that counts of the namespaces with a preview's labels: for a moment there may be an old one beside it. */
export function livingNamespace(labelled: readonly Namespace[]): Namespace | undefined {
  return labelled.find(({ metadata }) => metadata.deletionTimestamp === undefined) ?? labelled[0];
}

/**
 * The namespace of a preview: `own` is the one that carries its labels, `named` the one that has its name, if any; `prepared`
 * whether everything of ours is in it.
 */
export function namespaceState(
  key: PreviewKey,
  instance: string,
  own: Namespace | undefined,
  named: Namespace | undefined,
  prepared: boolean,
  nowMs: number,
): NamespaceState {
  if (own === undefined) {
    const owner = named === undefined ? undefined : ownerKey(named, instance);
    const isOurs = owner?.repositoryId === key.repositoryId && owner.number === key.number;
    return named === undefined || isOurs ? { state: 'absent' } : { state: 'foreign', name: named.metadata.name };
  }
  const { name, uid, annotations } = own.metadata;
  if (own.metadata.deletionTimestamp !== undefined) {
    return { state: 'terminating', name, uid, heldBy: heldBy(own, nowMs) };
  }
  return {
    state: 'active',
    name,
    uid,
    prepared,
    revision: annotations?.[revisionAnnotation],
  };
}

/** What the cluster says holds the removal; `undefined` while it just takes its time. */
export function heldBy(namespace: Namespace, nowMs: number): string | undefined {
  const sinceMs = nowMs - timeMs(namespace.metadata.deletionTimestamp);
  const said = (type: string) =>
    namespace.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True')?.message;
  if (sinceMs < finalizerGraceMs) return undefined;
  const finalizers = said('NamespaceFinalizersRemaining');
  const content = said('NamespaceContentRemaining');
  const what = content === undefined ? '' : ` (${resources(content)})`;
  if (finalizers !== undefined) return `${finalizerNames(finalizers)}${what}`;
  const failure =
    said('NamespaceDeletionDiscoveryFailure') ??
    said('NamespaceDeletionGroupVersionParsingFailure') ??
    said('NamespaceDeletionContentFailure');
  if (failure !== undefined) return failure;
  return content !== undefined && sinceMs > contentGraceMs ? resources(content) : undefined;
}

/** `Some content in the namespace has finalizers remaining: a.io/b in 1 resource instances` → the finalizers. */
function finalizerNames(message: string): string {
  const names = [...message.matchAll(/(\S+) in \d+ resource instances/g)].map((match) => `\`${match[1]}\``);
  return names.length === 0 ? message : `finalizer ${names.join(', ')}`;
}

/** `Some resources are remaining: configmaps. has 1 resource instances` → `1 configmaps`. */
function resources(message: string): string {
  const found = [...message.matchAll(/([a-z0-9.-]+?)\.? has (\d+) resource instances/g)];
  return found.length === 0 ? message : found.map((match) => `${match[2]} ${match[1]}`).join(', ');
}
