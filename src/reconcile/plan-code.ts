import { DiagnosedError } from '../domain/errors.ts';
import { planOf, type PlanInput } from '../domain/plan-of.ts';
import type { Plan } from '../domain/plan.ts';
import type { Snapshot } from '../ports.ts';
import { placedAt } from './configuration.ts';
import { readSources } from './sources.ts';

/** What a plan is made for; the rest of `PlanInput` is read from the code. */
export type PlanPurpose = Pick<PlanInput, 'manifest' | 'pullRequest' | 'namespace' | 'trust' | 'settings'>;

/**
 * The plan for the pull request's code.
 * @param configuration where the manifest comes from: `code` itself when that is trusted.
 * @throws DiagnosedError with places of the manifest, where it is at fault.
 */
export async function planCode(
  purpose: PlanPurpose,
  code: Snapshot,
  configuration: Snapshot,
  signal: AbortSignal,
): Promise<Plan> {
  const { manifest, pullRequest } = purpose;
  const texts = await readSources(manifest, pullRequest.repository.name, code, configuration, signal);
  const chartRevision = configuration.revision;
  try {
    return planOf({ ...purpose, chartRevision, ...texts });
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    const diagnosis = placedAt(error.diagnosis, chartRevision, pullRequest.head.revision);
    throw new DiagnosedError(diagnosis, { cause: error });
  }
}
