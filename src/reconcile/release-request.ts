import { releaseValues, type Plan } from '../domain/plan.ts';
import type { Directory, ReleaseRequest, Snapshot } from '../ports.ts';

const maxValuesFileBytes = 1024 * 1024;

/** To be disposed of when the release is done. */
export interface PlannedRelease extends AsyncDisposable {
  /** The request without what depends on the moment. */
  readonly request: Omit<ReleaseRequest, 'isUpgrade' | 'confirm'>;
}

/**
 * Reads from the snapshot what a plan's release is made of.
 * @param digests by name of the image, one for each of the plan.
 */
export async function releaseRequest(
  plan: Plan,
  namespace: string,
  digests: ReadonlyMap<string, string>,
  configuration: Snapshot,
  signal: AbortSignal,
): Promise<PlannedRelease> {
  const { chart, trust } = plan;
  const valuesTexts = await readValuesFiles(configuration, plan, signal);
  const values = releaseValues(plan, digests);
  const hosts = plan.routes.map(({ url }) => new URL(url).hostname);
  const folder: Directory | undefined =
    chart.kind === 'path' ? await configuration.export(chart.path, signal) : undefined;
  return {
    request: { namespace, chart, chartPath: folder?.path, valuesTexts, values, hosts, trust },
    [Symbol.asyncDispose]: async () => folder?.[Symbol.asyncDispose](),
  };
}

async function readValuesFiles(configuration: Snapshot, plan: Plan, signal: AbortSignal): Promise<readonly string[]> {
  const texts = plan.valuesFiles.map(
    async ({ path }) => (await configuration.text(path, maxValuesFileBytes, signal)) ?? '',
  );
  return Promise.all(texts);
}
