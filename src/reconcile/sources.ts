/** What a plan must know of the files that it is about. */
import type { Manifest } from '../domain/manifest.ts';
import type { PlanInput } from '../domain/plan-of.ts';
import { dockerfilesToRead, type PathsToLookUp, pathsToLookUp, type PlanSources } from '../domain/plan-sources.ts';
import type { Snapshot } from '../ports.ts';

/** Longer Dockerfiles are refused rather than searched for `EXPOSE`. */
const maxDockerfileBytes = 256 * 1024;

/** @param configuration where the manifest comes from: `code` itself when that is trusted. */
export async function readSources(
  manifest: Manifest | undefined,
  repositoryName: string,
  code: Snapshot,
  configuration: Snapshot,
  signal: AbortSignal,
): Promise<Pick<PlanInput, 'sources' | 'dockerfiles'>> {
  const sources = await lookUp(pathsToLookUp(manifest, repositoryName), code, configuration, signal);
  const dockerfiles = new Map<string, string>();
  for (const path of dockerfilesToRead(manifest, repositoryName, sources)) {
    const dockerfile = await code.text(path, maxDockerfileBytes, signal);
    if (dockerfile !== undefined) dockerfiles.set(path, dockerfile);
  }
  return { sources, dockerfiles };
}

async function lookUp(
  paths: PathsToLookUp,
  code: Snapshot,
  configuration: Snapshot,
  signal: AbortSignal,
): Promise<PlanSources> {
  if (code === configuration) {
    const entries = await code.entries([...new Set([...paths.code, ...paths.configuration])], signal);
    return { code: entries, configuration: entries };
  }
  const entries = [code.entries(paths.code, signal), configuration.entries(paths.configuration, signal)] as const;
  const [ofCode, ofConfiguration] = await Promise.all(entries);
  return { code: ofCode, configuration: ofConfiguration };
}
