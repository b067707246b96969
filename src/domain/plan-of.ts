/** Manifest + revision → Plan. */
import { builtInValues } from './built-in-chart.ts';
import { DiagnosedError } from './errors.ts';
import { exposedPort } from './exposed-port.ts';
import type { JsonObject } from './json.ts';
import type { Manifest, ManifestChart, ManifestImage } from './manifest.ts';
import { releaseName, slugOf } from './names.ts';
import {
  fillText,
  imagePlaceholders,
  mapTexts,
  placeholdersIn,
  plainPlaceholders,
  routePlaceholders,
  textsIn,
} from './placeholders.ts';
import type { Chart, Plan, PlanSettings, Route } from './plan.ts';
import { plannedImage } from './plan-images.ts';
import { PlanProblems } from './plan-problems.ts';
import { hostedRoutes, routesAsWritten, withService } from './plan-routes.ts';
import { below, chartOf, imagesOf, type PlanSources } from './plan-sources.ts';
import type { PullRequest, Trust } from './preview.ts';

export interface PlanInput {
  /** `undefined` when the repository has none. */
  readonly manifest: Manifest | undefined;
  readonly pullRequest: Pick<PullRequest, 'key' | 'repository' | 'head'>;
  /** The preview's, whether it exists yet or not. */
  readonly namespace: string;
  readonly trust: Trust;
  /** What the manifest was read from: the head revision itself, or the base branch's tip for untrusted code. */
  readonly chartRevision: string;
  /** What was found of `pathsToLookUp`. */
  readonly sources: PlanSources;
  /** Texts of `dockerfilesToRead`, by path. */
  readonly dockerfiles: ReadonlyMap<string, string>;
  readonly settings: PlanSettings;
}

/**
 * Resolves everything that can be known before the images are built.
 * @throws DiagnosedError `ManifestInvalid` when there is nothing to preview, or what the manifest names is not there.
 */
export function planOf(input: PlanInput): Plan {
  const { manifest, pullRequest, namespace, trust, chartRevision, sources, settings } = input;
  const { key, repository, head } = pullRequest;
  const chart = chartOf(manifest, repository.name, sources);
  const images = imagesOf(manifest, sources);
  if (!images && chart.kind === 'built-in') throw nothingToPreview(manifest);

  const problems = new PlanProblems(manifest);
  const routes = hostedRoutes(routesAsWritten(manifest, images ?? [], chart, problems), namespace, settings);
  const texts = textsBeforeBuilds(input, routes);
  const values = plannedValues(input, chart, images ?? [], texts);
  checkPlaceholders(manifest, images ?? [], routes, problems);
  const surroundings = { repository, trust, sources, settings, texts };
  const plan: Plan = {
    revision: head.revision,
    chartRevision,
    trust,
    images: (images ?? []).flatMap((image) => plannedImage(image, surroundings, problems) ?? []),
    chart: plannedChart(chart, sources, problems),
    values,
    valuesFiles: plannedValuesFiles(manifest, sources, problems),
    routes: routes.map((route) => withService(route, chart, values, texts, problems)),
    about: {
      number: key.number,
      branch: branchSlug(head.branch),
      repository: `${repository.owner}/${repository.name}`,
    },
  };
  problems.throwIfAny();
  return plan;
}

function plannedChart(chart: ManifestChart, { configuration }: PlanSources, problems: PlanProblems): Chart {
  if (chart.kind !== 'path') return chart;
  const { path } = chart;
  const entry = configuration.get(path);
  if (entry?.type !== 'directory') problems.add(['chart', 'path'], `there is no folder \`${path}\``);
  else if (configuration.get(below(path, 'Chart.yaml'))?.type !== 'file') {
    problems.add(['chart', 'path'], `there is no chart in \`${path}\`: it has no file \`Chart.yaml\``);
  }
  return { kind: 'path', path, treeId: entry?.id ?? '' };
}

function plannedValuesFiles(
  manifest: Manifest | undefined,
  { configuration }: PlanSources,
  problems: PlanProblems,
): Plan['valuesFiles'] {
  return (manifest?.valuesFiles ?? []).map((path, index) => {
    const entry = configuration.get(path);
    if (entry?.type !== 'file') problems.add(['valuesFiles', index], `there is no file \`${path}\``);
    return { path, blobId: entry?.id ?? '' };
  });
}

function plannedValues(
  { manifest, dockerfiles }: PlanInput,
  chart: ManifestChart,
  images: readonly ManifestImage[],
  texts: ReadonlyMap<string, string>,
): JsonObject {
  const values = mapTexts(manifest?.values ?? {}, (text) => fillText(text, texts));
  if (chart.kind !== 'built-in') return values;
  const ports = images.flatMap((image) => {
    const text = image.kind === 'build' ? dockerfiles.get(image.dockerfile) : undefined;
    const port = image.kind === 'build' && text ? exposedPort(text, image.target, image.args) : undefined;
    return port === undefined ? [] : [[image.name, port] as const];
  });
  return builtInValues(images, new Map(ports), values);
}

function textsBeforeBuilds({ pullRequest, namespace }: PlanInput, routes: readonly Route[]): Map<string, string> {
  const { key, head } = pullRequest;
  const plain: Readonly<Record<(typeof plainPlaceholders)[number], string>> = {
    sha: head.revision,
    shortSha: head.revision.slice(0, 7),
    number: String(key.number),
    branch: branchSlug(head.branch),
    namespace,
    release: releaseName,
  };
  const texts = new Map<string, string>(Object.entries(plain));
  for (const { name, url } of routes) texts.set(`urls.${name}`, url).set(`hosts.${name}`, new URL(url).hostname);
  return texts;
}

/** A branch as a DNS label; its own text is a stranger's and goes into no chart. */
function branchSlug(branch: string): string {
  return slugOf(branch, 40) || 'branch';
}

/**
 * `parseManifest` judged by the manifest alone. A manifest that names no images may say `${images.web}`: only now is it
 * known whether there is a Dockerfile to make it from.
 */
function checkPlaceholders(
  manifest: Manifest | undefined,
  images: readonly ManifestImage[],
  routes: readonly Route[],
  problems: PlanProblems,
): void {
  const known = new Set<string>([
    ...plainPlaceholders,
    ...images.flatMap(({ name }) => imagePlaceholders(name)),
    ...routes.flatMap(({ name }) => routePlaceholders(name)),
  ]);
  for (const { path, text, isKey } of textsIn(manifest?.values ?? {})) {
    for (const placeholder of isKey ? [] : placeholdersIn(text)) {
      if (known.has(placeholder.name)) continue;
      problems.add(['values', ...path], `\`${placeholder.text}\` stands for nothing in this preview`, placeholder.text);
    }
  }
}

function nothingToPreview(manifest: Manifest | undefined): DiagnosedError {
  const message = manifest
    ? `there is nothing to preview: add a Dockerfile, or say in ${manifest.path} which \`images\` or \`chart\` to use`
    : 'there is nothing to preview: add a Dockerfile or a .berth.yaml';
  return new DiagnosedError({ reason: 'ManifestInvalid', message });
}
