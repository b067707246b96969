/** Frees a release that a killed Helm left pending. */
import { z } from 'zod';
import { releaseName } from '../../domain/names.ts';
import { ExitError } from '../../process.ts';
import type { Helm, HelmRun } from './helm.ts';

const history = z.array(z.object({ revision: z.number(), status: z.string() }));

/**
 * Brings the release back to a state from which `helm upgrade` works. With a deployed revision, Helm rolls back to it,
 * which also undoes what the killed run had changed. Without one there is nothing to keep: the half-made release is
 * uninstalled, so that the next run is an installation again, with the hooks of one.
 */
export async function unlock(helm: Helm, namespace: string, helmRun: HelmRun): Promise<void> {
  const revisions = await revisionsOf(helm, namespace, helmRun);
  const newest = revisions.at(-1);
  if (newest === undefined || !isPending(newest.status)) return;
  const deployed = revisions.findLast(({ status }) => status === 'deployed');
  if (deployed === undefined || newest.status === 'uninstalling') {
    await helm.inNamespace(namespace, ['uninstall', releaseName, '--ignore-not-found', '--no-hooks'], helmRun);
    return;
  }
  const revision = String(deployed.revision);
  await helm.inNamespace(
    namespace,
    ['rollback', releaseName, revision, '--no-hooks', '--server-side=false', '--history-max', '0'],
    helmRun,
  );
}

function isPending(status: string): boolean {
  return status.startsWith('pending-') || status === 'uninstalling';
}

/** Oldest first; empty without a release. */
async function revisionsOf(helm: Helm, namespace: string, helmRun: HelmRun) {
  try {
    const { stdout } = await helm.inNamespace(namespace, ['history', releaseName, '--output', 'json'], helmRun);
    return history.parse(JSON.parse(stdout)).toSorted((a, b) => a.revision - b.revision);
  } catch (error) {
    // Helm's only way to say that there is no release.
    if (error instanceof ExitError && error.stderr.includes('release: not found')) return [];
    throw error;
  }
}
