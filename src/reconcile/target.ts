import { desiredWithoutCode, intentOf, isRequested, trustOf } from '../domain/desired.ts';
import { DiagnosedError } from '../domain/errors.ts';
import { manifestPath, maxManifestBytes, parseManifest } from '../domain/manifest.ts';
import { namespaceName } from '../domain/names.ts';
import { planOf } from '../domain/plan-of.ts';
import { dockerfilesToRead, pathsToLookUp } from '../domain/plan-sources.ts';
import type { PlanSettings } from '../domain/plan.ts';
import type { Desired, PreviewKey, PullRequest } from '../domain/preview.ts';
import type { Snapshot } from '../ports.ts';
import type { Ports } from './ports.ts';

/** What one pass works towards; fixed for the pass, read afresh by the next. */
export interface Target {
  readonly pullRequest: PullRequest | undefined;
  readonly desired: Desired;
  /** What the preview's namespace is called, or will be when it has to be made. */
  readonly name: string;
  /** The code, set when `desired` is `present`. */
  readonly snapshot: Snapshot | undefined;
}

/** Longer Dockerfiles are refused rather than searched for `EXPOSE`. */
const maxDockerfileBytes = 256 * 1024;

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
    return { pullRequest, name, snapshot: undefined, desired: decided ?? { state: 'absent', why: 'closed' } };
  }
  const { revision } = pullRequest.head;
  const snapshot = await ports.source.at(pullRequest.repository, revision, signal);
  try {
    const desired = await desiredByCode(ports, settings, pullRequest, name, snapshot, signal);
    return { pullRequest, name, snapshot, desired };
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    return { pullRequest, name, snapshot, desired: { state: 'invalid', revision, diagnosis: error.diagnosis } };
  }
}

async function desiredByCode(
  { forge }: Pick<Ports, 'forge'>,
  settings: PlanSettings,
  pullRequest: PullRequest,
  namespace: string,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<Desired> {
  const text = await snapshot.text(manifestPath, maxManifestBytes, signal);
  const manifest = text === undefined ? undefined : parseManifest(text, manifestPath);
  if (manifest) {
    const changedFiles = manifest.when.paths ? await forge.changedFiles(pullRequest.key, signal) : [];
    if (!isRequested(manifest.when, pullRequest, changedFiles)) return { state: 'absent', why: 'not requested' };
  }
  const trust = trustOf(pullRequest);
  const repositoryName = pullRequest.repository.name;
  const paths = pathsToLookUp(manifest, repositoryName);
  const entries = await snapshot.entries([...new Set([...paths.code, ...paths.configuration])], signal);
  // Trusted code brings its own configuration; the two differ only for a fork's code.
  const sources = { code: entries, configuration: entries };
  const dockerfiles = new Map<string, string>();
  for (const path of dockerfilesToRead(manifest, repositoryName, sources)) {
    const dockerfile = await snapshot.text(path, maxDockerfileBytes, signal);
    if (dockerfile !== undefined) dockerfiles.set(path, dockerfile);
  }
  const plan = planOf({ manifest, pullRequest, namespace, trust, sources, dockerfiles, settings });
  return { state: 'present', revision: pullRequest.head.revision, trust, plan };
}
