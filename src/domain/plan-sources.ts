/** What must be looked up in a repository before a plan can be made of it. */
import { type Manifest, type ManifestChart, type ManifestImage, manifestPath } from './manifest.ts';

/** What git has at a path; equal ids mean equal content. */
export interface SourceEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'submodule';
  readonly id: string;
}

/**
 * What was found, by path. Code comes from the revision itself; what decides how it runs, i.e. chart and values files,
 * comes from where the manifest does: the same revision for trusted code, the base branch for untrusted code.
 */
export interface PlanSources {
  readonly code: ReadonlyMap<string, SourceEntry>;
  readonly configuration: ReadonlyMap<string, SourceEntry>;
}

export interface PathsToLookUp {
  readonly code: readonly string[];
  readonly configuration: readonly string[];
}

/** Every path that `planOf` may ask for. Independent of what is found, so that one look at each snapshot is enough. */
export function pathsToLookUp(manifest: Manifest | undefined, repositoryName: string): PathsToLookUp {
  const images = manifest?.images ?? [rootImage];
  const code = images.flatMap((image) =>
    image.kind === 'build'
      ? // The last is where people expect a Dockerfile who think of paths in the context.
        [image.context, image.dockerfile, ignoreFileOf(image.dockerfile), below(image.context, image.dockerfile)]
      : [],
  );
  const charts = manifest?.chart?.kind === 'path' ? [manifest.chart.path] : usualCharts(repositoryName);
  const configuration = [
    manifestPath,
    ...charts.flatMap((path) => [path, below(path, 'Chart.yaml')]),
    ...(manifest?.valuesFiles ?? []),
  ];
  return { code: [...new Set(code)], configuration: [...new Set(configuration)] };
}

/** The Dockerfiles whose text `planOf` needs to know where containers listen: none unless the chart is the built-in. */
export function dockerfilesToRead(
  manifest: Manifest | undefined,
  repositoryName: string,
  sources: PlanSources,
): readonly string[] {
  if (chartOf(manifest, repositoryName, sources).kind !== 'built-in') return [];
  const images = imagesOf(manifest, sources) ?? [];
  return images.flatMap((image) => (image.kind === 'build' ? [image.dockerfile] : []));
}

/** The manifest's chart, or the one in a usual place, or the built-in. */
export function chartOf(manifest: Manifest | undefined, repositoryName: string, sources: PlanSources): ManifestChart {
  if (manifest?.chart) return manifest.chart;
  const path = usualCharts(repositoryName).find((each) => sources.configuration.has(below(each, 'Chart.yaml')));
  return path === undefined ? { kind: 'built-in' } : { kind: 'path', path };
}

/** The manifest's images, or the one of the Dockerfile at the root; `undefined` when there is neither. */
export function imagesOf(manifest: Manifest | undefined, sources: PlanSources): readonly ManifestImage[] | undefined {
  return manifest?.images ?? (sources.code.has(rootImage.dockerfile) ? [rootImage] : undefined);
}

/** BuildKit reads it in place of the context's `.dockerignore`. */
export function ignoreFileOf(dockerfile: string): string {
  return `${dockerfile}.dockerignore`;
}

export function below(folder: string, path: string): string {
  return folder === '' ? path : `${folder}/${path}`;
}

const rootImage: ManifestImage & { readonly kind: 'build' } = {
  kind: 'build',
  name: 'web',
  context: '',
  dockerfile: 'Dockerfile',
  target: undefined,
  args: {},
  secrets: {},
};

function usualCharts(repositoryName: string): readonly string[] {
  return ['chart', `charts/${repositoryName}`];
}
