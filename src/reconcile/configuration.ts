/** Where it is said how code runs. */
import { DiagnosedError } from '../domain/errors.ts';
import { type Manifest, manifestPath, maxManifestBytes, parseManifest } from '../domain/manifest.ts';
import type { Diagnosis, PullRequest, Trust } from '../domain/preview.ts';
import type { Forge, Snapshot, Source } from '../ports.ts';

/** Manifest, chart and values files; `fault` is why they cannot be used. */
export type Configuration =
  | { readonly snapshot: Snapshot; readonly manifest: Manifest | undefined; readonly fault?: undefined }
  | { readonly snapshot: Snapshot | undefined; readonly manifest?: undefined; readonly fault: Diagnosis };

/**
 * Trusted code brings its own. What a fork says of itself counts for nothing: its configuration is what the branch that it
 * is meant for has now, which is the repository's own code.
 */
export async function readConfiguration(
  { forge, source }: { readonly forge: Pick<Forge, 'branchRevision'>; readonly source: Source },
  { repository, head, base }: PullRequest,
  trust: Trust,
  signal: AbortSignal,
): Promise<Configuration> {
  const revision = trust === 'trusted' ? head.revision : await forge.branchRevision(repository, base.branch, signal);
  if (revision === undefined) {
    const message = `There is no branch \`${base.branch}\` to take chart and manifest from; choose another base branch.`;
    return { snapshot: undefined, fault: { reason: 'SourceInvalid', message } };
  }
  let snapshot: Snapshot | undefined;
  try {
    snapshot = await source.at(repository, revision, signal);
    const text = await snapshot.text(manifestPath, maxManifestBytes, signal);
    return { snapshot, manifest: text === undefined ? undefined : parseManifest(text, manifestPath) };
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    return { snapshot, fault: placedAt(error.diagnosis, revision, head.revision) };
  }
}

/** The diagnosis with its places at the revision that they are of, when that is not the preview's own. */
export function placedAt(diagnosis: Diagnosis, revision: string, ownRevision: string): Diagnosis {
  const { places } = diagnosis;
  if (!places || revision === ownRevision) return diagnosis;
  return { ...diagnosis, places: places.map((place) => ({ ...place, revision })) };
}
