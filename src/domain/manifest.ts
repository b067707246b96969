/** The repository's `.berth.yaml`: what a preview is made of. `docs/manifest.md` explains it to its authors. */
import type { When } from './desired.ts';
import { parseDuration } from './duration.ts';
import { DiagnosedError } from './errors.ts';
import type { JsonObject } from './json.ts';
import { placeholderProblems } from './manifest-placeholders.ts';
import { schemaProblems } from './manifest-problems.ts';
import { type ManifestInput, manifestSchema } from './manifest-schema.ts';
import { type DataPath, type Position, type Problem, readYaml } from './positioned-yaml.ts';
import { normalPath } from './repository-path.ts';

/** Where the manifest lies in a repository. */
export const manifestPath = '.berth.yaml';

/** Larger ones are refused; values that need more belong in `valuesFiles`. */
export const maxManifestBytes = 64 * 1024;

const limits = { sizeBytes: maxManifestBytes, depth: 32, values: 10_000, aliases: 100 };

export interface Manifest {
  /** The file it was read from. */
  readonly path: string;
  /** In the order written; `undefined` when it does not say. */
  readonly images: readonly ManifestImage[] | undefined;
  readonly chart: ManifestChart | undefined;
  /** Placeholders are all known ones, not yet replaced. */
  readonly values: JsonObject;
  readonly valuesFiles: readonly string[];
  /** In the order written; `undefined` when it does not say. */
  readonly routes: readonly ManifestRoute[] | undefined;
  /** Which pull requests get a preview. */
  readonly when: When;
  readonly ttlMs: number | undefined;
  readonly sleepAfterMs: number | undefined;
  /** Where the value at e.g. `['images', 'web', 'context']` stands, or the nearest enclosing one that was written. */
  positionOf(path: DataPath): Position;
  /** Where `text` stands within that scalar. */
  positionWithin(path: DataPath, text: string): Position;
}

/** Paths are relative to the repository's root, normalised, `''` for the root. */
export type ManifestImage =
  | {
      readonly kind: 'build';
      readonly name: string;
      readonly context: string;
      readonly dockerfile: string;
      readonly target: string | undefined;
      readonly args: Readonly<Record<string, string>>;
      /** `<secret>/<key>` by the id that the Dockerfile has for it. */
      readonly secrets: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'external'; readonly name: string; readonly from: string };

export type ManifestChart =
  | { readonly kind: 'built-in' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'oci'; readonly url: string; readonly version: string };

export interface ManifestRoute {
  readonly name: string;
  /** May hold placeholders. */
  readonly service: string;
  readonly port: number;
}

/**
 * Reads a manifest.
 * @throws DiagnosedError `ManifestInvalid` with a place for everything that is wrong with it.
 */
export function parseManifest(text: string, path: string): Manifest {
  const yaml = readYaml(text, limits);
  if (yaml.broken) throw invalidManifest(path, yaml.problems);
  const checked = manifestSchema.safeParse(yaml.value ?? {});
  const problems = [
    ...yaml.problems,
    ...(checked.success ? [] : schemaProblems(checked.error.issues, yaml)),
    ...placeholderProblems(yaml),
  ];
  if (!checked.success || problems.length > 0) throw invalidManifest(path, problems);

  const { chart, values, valuesFiles, when, ttl, sleepAfter } = checked.data;
  return {
    path,
    images: inOrder(checked.data.images, (name) => yaml.keyPositionOf(['images', name]))?.map(([name, image]) =>
      imageOf(name, image, (arg) => yaml.sourceOf(['images', name, 'args', arg])),
    ),
    chart: chartOf(chart),
    // The text was YAML of JSON's data model: `readYaml` makes nothing else.
    values: (values ?? {}) as JsonObject,
    valuesFiles: (valuesFiles ?? []).map(normalPath),
    routes: inOrder(checked.data.routes, (name) => yaml.keyPositionOf(['routes', name]))?.map(([name, route]) => ({
      name,
      ...route,
    })),
    when: when ?? {},
    ttlMs: ttl === undefined ? undefined : parseDuration(ttl),
    sleepAfterMs: sleepAfter === undefined ? undefined : parseDuration(sleepAfter),
    positionOf: yaml.positionOf,
    positionWithin: yaml.positionWithin,
  };
}

/** The error for a manifest, or what it names, being wrong; `problems` is not empty and in no particular order. */
export function invalidManifest(path: string, problems: readonly Problem[]): DiagnosedError {
  const places = problems
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .slice(0, 50)
    .map((problem) => ({ path, line: problem.line, column: problem.column, message: problem.message }));
  const first = places[0];
  const others = places.length > 1 ? ` (and ${places.length - 1} more)` : '';
  return new DiagnosedError({
    reason: 'ManifestInvalid',
    message: first ? `${path}:${first.line}:${first.column}: ${first.message}${others}` : `${path} is not valid`,
    places,
  });
}

type ImageInput = NonNullable<ManifestInput['images']>[string];

function imageOf(name: string, image: ImageInput, sourceOf: (arg: string) => string | undefined): ManifestImage {
  if ('from' in image) return { kind: 'external', name, from: image.from };
  const context = normalPath(image.context ?? '');
  return {
    kind: 'build',
    name,
    context,
    dockerfile: normalPath(image.dockerfile ?? `${context}/Dockerfile`),
    target: image.target,
    args: Object.fromEntries(
      // `1.10` is a number to YAML and a version to its author: what was written counts.
      Object.entries(image.args ?? {}).map(([arg, value]) => [
        arg,
        typeof value === 'string' ? value : (sourceOf(arg) ?? String(value)),
      ]),
    ),
    secrets: image.secrets ?? {},
  };
}

function chartOf(chart: ManifestInput['chart']): ManifestChart | undefined {
  if (chart === undefined) return undefined;
  if (chart === 'built-in') return { kind: 'built-in' };
  if ('path' in chart) return { kind: 'path', path: normalPath(chart.path) };
  return { kind: 'oci', url: chart.oci, version: chart.version };
}

/** Entries as they were written; objects put keys like `2048` first. */
function inOrder<T>(
  record: Readonly<Record<string, T>> | undefined,
  positionOf: (name: string) => Position,
): readonly (readonly [string, T])[] | undefined {
  if (!record) return undefined;
  return Object.entries(record)
    .map(([name, value]) => ({ name, value, at: positionOf(name) }))
    .sort((one, other) => one.at.line - other.at.line || one.at.column - other.at.column)
    .map(({ name, value }) => [name, value] as const);
}
