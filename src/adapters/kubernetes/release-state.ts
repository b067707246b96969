/** The state of a release, by what Helm left in the cluster and what Berth wrote down about it. Pure. */
import type { ReleaseState } from '../../domain/preview.ts';
import type { KubernetesObject } from './objects.ts';
import type { RecordedRelease } from './release-record.ts';

/** Statuses in which a killed Helm leaves a release, and from which `helm upgrade` refuses to go on. */
const pendingStatuses = new Set(['pending-install', 'pending-upgrade', 'pending-rollback', 'uninstalling']);

/** Helm's newest revision number, 0 for none. `secrets` are those of one release. */
export function newestVersion(secrets: readonly KubernetesObject[]): number {
  return Math.max(0, ...secrets.map(versionOf));
}

/**
 * `secrets` are those of one release, with their metadata alone; Helm keeps version and status as labels. `objects` is the
 * inventory of the release: one that lacks something was changed by somebody else.
 */
export function releaseState(
  secrets: readonly KubernetesObject[],
  record: RecordedRelease | undefined,
  objects: readonly string[],
): ReleaseState {
  const version = newestVersion(secrets);
  const status = secrets.find((secret) => versionOf(secret) === version)?.metadata.labels?.['status'] ?? 'uninstalled';
  if (pendingStatuses.has(status)) return { state: 'pending' };
  const isThere = (object: string) => objects.includes(object);
  const known = record !== undefined && record.version >= version ? record : undefined;
  if (known?.outcome === 'failed') {
    return { state: 'failed', planDigest: known.planDigest, diagnosis: known.diagnosis };
  }
  switch (status) {
    case 'deployed':
      return { state: 'deployed', planDigest: known?.objects.every(isThere) ? known.planDigest : undefined };
    case 'failed':
      // Helm says so, and Berth did not get to write down why: it was interrupted.
      return { state: 'interrupted' };
    default:
      // Nothing there, uninstalled with its history kept, or superseded by a revision that was deleted.
      return { state: 'absent' };
  }
}

function versionOf(secret: KubernetesObject): number {
  const version = Number(secret.metadata.labels?.['version']);
  return Number.isInteger(version) ? version : 0;
}
