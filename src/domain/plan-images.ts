import { contentKey } from './content-key.ts';
import { parseImageReference } from './image-reference.ts';
import type { ManifestImage } from './manifest.ts';
import { slugOf } from './names.ts';
import { fillCompletely } from './placeholders.ts';
import type { PlannedImage, PlanSettings } from './plan.ts';
import type { PlanProblems } from './plan-problems.ts';
import { below, ignoreFileOf, type PlanSources } from './plan-sources.ts';
import type { Repository, Trust } from './preview.ts';

export interface ImageSurroundings {
  readonly repository: Repository;
  readonly trust: Trust;
  readonly sources: PlanSources;
  readonly settings: Pick<PlanSettings, 'registry' | 'instance' | 'platform'>;
  /** Values of placeholders that are known before builds. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The image with its reference; `undefined` when it cannot be made, which `problems` then tells. */
export function plannedImage(
  image: ManifestImage,
  { repository, trust, sources, settings, texts }: ImageSurroundings,
  problems: PlanProblems,
): PlannedImage | undefined {
  const { name } = image;
  if (image.kind === 'external') {
    const ref = fillCompletely(image.from, texts);
    if (parseImageReference(ref)) return { kind: 'external', name, ref };
    problems.add(['images', name, 'from'], `\`${ref}\` is not an image reference`);
    return undefined;
  }
  const { context, dockerfile, target } = image;
  const contextEntry = sources.code.get(context);
  const dockerfileEntry = sources.code.get(dockerfile);
  if (contextEntry?.type !== 'directory') {
    problems.add(['images', name, 'context'], `there is no folder \`${context}\` for the image \`${name}\``);
    return undefined;
  }
  if (dockerfileEntry?.type !== 'file') {
    const nearby = below(context, dockerfile);
    const isNearby = sources.code.get(nearby)?.type === 'file';
    const hint = isNearby ? `: write \`${nearby}\`, paths begin at the repository's root` : '';
    problems.add(['images', name, 'dockerfile'], `there is no file \`${dockerfile}\` for the image \`${name}\`${hint}`);
    return undefined;
  }
  const args = Object.fromEntries(
    Object.entries(image.args).map(([arg, value]) => [arg, fillCompletely(value, texts)] as const),
  );
  const secrets = trust === 'trusted' ? image.secrets : {};
  const tag = contentKey({
    instance: settings.instance,
    contextId: contextEntry.id,
    dockerfileId: dockerfileEntry.id,
    ignoreId: sources.code.get(ignoreFileOf(dockerfile))?.id,
    target,
    args,
    secrets,
    platform: settings.platform,
    trust,
  });
  const ref = `${settings.registry}/${folderOf(repository, trust)}/${name}:${tag}`;
  const build = { context, dockerfile, target, args };
  const hasSecrets = Object.keys(secrets).length > 0;
  return { kind: 'build', name, ref, build: hasSecrets ? { ...build, secrets } : build };
}

/**
 * What forks make lies apart, so that the right to push it is not the right to push anything else: no repository of three names
 * below the registry is one of four.
 *
 * Two repositories may share a folder; that is safe, since their tags differ whenever their content does.
 */
function folderOf({ owner, name }: Repository, trust: Trust): string {
  return `${trust === 'untrusted' ? 'untrusted/' : ''}${slugOf(owner, 60) || 'owner'}/${slugOf(name, 100) || 'repository'}`;
}
