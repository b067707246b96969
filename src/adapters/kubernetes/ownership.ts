/** Which namespaces are ours, and whose preview each one is. Pure. */
import type { PreviewKey } from '../../domain/preview.ts';
import type { PreviewNamespace } from '../../ports.ts';
import {
  instanceLabel,
  managedByBerth,
  managedByLabel,
  pullRequestLabel,
  repositoryIdLabel,
  revisionAnnotation,
} from './metadata.ts';
import type { KubernetesObject } from './objects.ts';
import { imagesOf, routesOf } from './release-record.ts';

/** Labels that make a namespace ours and this preview's. */
export function ownLabels(instance: string, key: PreviewKey): Readonly<Record<string, string>> {
  return {
    [managedByLabel]: managedByBerth,
    [instanceLabel]: instance,
    [repositoryIdLabel]: String(key.repositoryId),
    [pullRequestLabel]: String(key.number),
  };
}

/** Selects every namespace of ours. */
export function ownSelector(instance: string): string {
  return `${managedByLabel}=${managedByBerth},${instanceLabel}=${instance},${repositoryIdLabel},${pullRequestLabel}`;
}

/** Selects the namespaces of one preview. */
export function previewSelector(instance: string, key: PreviewKey): string {
  return Object.entries(ownLabels(instance, key))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** Whose preview the namespace is; `undefined` when it is not ours. */
export function ownerKey(namespace: KubernetesObject, instance: string): PreviewKey | undefined {
  const labels = namespace.metadata.labels ?? {};
  if (labels[managedByLabel] !== managedByBerth || labels[instanceLabel] !== instance) return undefined;
  const repositoryId = positive(labels[repositoryIdLabel]);
  const number = positive(labels[pullRequestLabel]);
  return repositoryId === undefined || number === undefined ? undefined : { repositoryId, number };
}

/** The namespace as the rest of Berth sees it; `undefined` when it is not ours. */
export function previewNamespace(namespace: KubernetesObject, instance: string): PreviewNamespace | undefined {
  const key = ownerKey(namespace, instance);
  if (key === undefined) return undefined;
  const { name, uid, annotations, deletionTimestamp } = namespace.metadata;
  return {
    key,
    name,
    uid,
    terminating: deletionTimestamp !== undefined,
    revision: annotations?.[revisionAnnotation],
    routes: routesOf(annotations),
    images: imagesOf(annotations),
  };
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}
