import { desiredWithoutCode, intentOf, isRequested } from '../domain/desired.ts';
import { DiagnosedError } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { namespaceName } from '../domain/names.ts';
import type { PlanSettings } from '../domain/plan.ts';
import type { Desired, PreviewKey, PullRequest } from '../domain/preview.ts';
import { trustOf } from '../domain/trust.ts';
import type { Snapshot } from '../ports.ts';
import { verdictOn } from './approval.ts';
import { readConfiguration } from './configuration.ts';
import { planCode } from './plan-code.ts';
import type { Ports } from './ports.ts';

/** What one pass works towards; fixed for the pass, read afresh by the next. */
export interface Target {
  readonly pullRequest: PullRequest | undefined;
  readonly desired: Desired;
  /** What the preview's namespace is called, or will be when it has to be made. */
  readonly name: string;
  /** Where chart and values files come from, set when `desired` is `present`. */
  readonly configuration: Snapshot | undefined;
}

/**
 * Reads from GitHub and git what should exist. `onIntent` is told what the pull request asks for as soon as it is known.
 * @param namespace the one that is there: it keeps its name, and the preview its URLs, when the repository gets another.
 */
export async function lookAtTarget(
  ports: Pick<Ports, 'forge' | 'source'>,
  settings: PlanSettings,
  key: PreviewKey,
  namespace: string | undefined,
  signal: AbortSignal,
  onIntent: (intent: string) => void,
): Promise<Target> {
  const pullRequest = await ports.forge.pullRequest(key, signal);
  onIntent(intentOf(pullRequest));
  const name = namespace ?? namespaceName(settings.instance, key, pullRequest?.repository.name ?? '');
  const decided = desiredWithoutCode(pullRequest);
  if (decided || !pullRequest) {
    return { pullRequest, name, configuration: undefined, desired: decided ?? { state: 'absent', why: 'closed' } };
  }
  const looked = await lookAtCode(ports, settings, pullRequest, name, signal);
  return { pullRequest, name, ...looked };
}

/** In this order: whom nobody wants to run needs no approval, and without one nothing of a fork is fetched. */
async function lookAtCode(
  ports: Pick<Ports, 'forge' | 'source'>,
  settings: PlanSettings,
  pullRequest: PullRequest,
  namespace: string,
  signal: AbortSignal,
): Promise<Pick<Target, 'desired' | 'configuration'>> {
  const { forge, source } = ports;
  const { repository, head } = pullRequest;
  const { revision } = head;
  const trust = trustOf(pullRequest);
  const { snapshot: configuration, manifest, fault } = await readConfiguration(ports, pullRequest, trust, signal);
  if (!(await isAskedFor(forge, manifest, pullRequest, signal))) {
    return { configuration, desired: { state: 'absent', why: 'not requested' } };
  }
  const verdict = trust === 'trusted' ? undefined : await verdictOn(forge, pullRequest, signal);
  if (verdict && !verdict.approval) {
    const { objection } = verdict;
    return { configuration, desired: { state: 'held', why: 'approval needed', revision, objection } };
  }
  if (fault) return { configuration, desired: { state: 'invalid', revision, diagnosis: fault } };
  try {
    const code = verdict ? await source.at(repository, revision, signal) : configuration;
    const plan = await planCode({ manifest, pullRequest, namespace, trust, settings }, code, configuration, signal);
    const approvedBy = verdict?.approval.by;
    return {
      configuration,
      desired: { state: 'present', revision, trust, plan, ...(approvedBy !== undefined && { approvedBy }) },
    };
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    return { configuration, desired: { state: 'invalid', revision, diagnosis: error.diagnosis } };
  }
}

async function isAskedFor(
  forge: Ports['forge'],
  manifest: Manifest | undefined,
  pullRequest: PullRequest,
  signal: AbortSignal,
): Promise<boolean> {
  if (!manifest) return true;
  const changedFiles = manifest.when.paths ? await forge.changedFiles(pullRequest.key, signal) : [];
  return isRequested(manifest.when, pullRequest, changedFiles);
}
