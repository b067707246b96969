/** Helm without a cluster. */
import type { JsonObject } from '../../domain/json.ts';
import type { ReleaseRequest } from '../../ports.ts';
import { builtInKeys } from './built-in-schema.ts';
import { checkedRelease } from './checked-release.ts';
import { failureOf } from './failure.ts';
import { helmCommand } from './helm.ts';
import { defaultHelmOptions, type HelmOptions, helmSlackMs } from './options.ts';

export interface OfflineRendering {
  /** Exactly what would be installed. */
  readonly objects: readonly JsonObject[];
  /** Whether the chart asks the cluster for something, and was answered as by an empty one. */
  readonly asksCluster: boolean;
}

/**
 * What `Releaser.upgrade` would install.
 * @throws DiagnosedError when the chart is at fault, as `Releaser.upgrade` would.
 */
export async function renderOffline(
  given: Pick<HelmOptions, 'helmPath' | 'builtInChartPath' | 'directory'> & Partial<HelmOptions>,
  request: ReleaseRequest,
  signal: AbortSignal,
): Promise<OfflineRendering> {
  // A kubeconfig that is not there: whatever wants to speak to a cluster fails, instead of finding somebody's.
  const options: HelmOptions = { ...defaultHelmOptions, cluster: { kubeconfigPath: '/nonexistent' }, ...given };
  const helm = helmCommand(options);
  await using directory = await helm.temporary();
  const run = { signal, timeoutMs: options.timeoutMs + helmSlackMs, isOffline: true };
  try {
    const { objects, files } = await checkedRelease(helm, options, request, directory.path, run);
    return { objects, asksCluster: files.asksCluster };
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf('rendering the chart', error, request.chart, await builtInKeys(options, request.chart));
  }
}
