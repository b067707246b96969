/** What a release would install: rendered, and held against the gate. */
import { createHmac } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DiagnosedError } from '../../domain/errors.ts';
import { refusalsOf, refusedChart } from '../../domain/gate.ts';
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/placeholders.ts';
import type { Chart } from '../../domain/plan.ts';
import type { ReleaseRequest } from '../../ports.ts';
import { type ChartFiles, inspectChart, mentions } from './chart-files.ts';
import type { Helm, HelmRun } from './helm.ts';
import { checkRegistry } from './oci.ts';
import { helmMemoryBytes, type HelmOptions } from './options.ts';
import { render } from './render.ts';

export interface CheckedRelease {
  /** The folder of the chart as its author made it. */
  readonly chartPath: string;
  /** Helm's arguments for the values. */
  readonly valuesArgs: readonly string[];
  /** Exactly what is to be installed. */
  readonly objects: readonly JsonObject[];
  /** What the chart asks for when it is rendered. */
  readonly files: ChartFiles;
}

/** How a release is rendered where there is no cluster: as on an empty one. */
export interface OfflineRun extends HelmRun {
  readonly isOffline?: boolean;
}

/**
 * Renders the chart once and holds what came out against the gate. Writes below `directory` only.
 * @throws DiagnosedError `ChartRefused`, or what `failureOf` makes sense of.
 */
export async function checkedRelease(
  helm: Helm,
  options: HelmOptions,
  request: ReleaseRequest,
  directory: string,
  { isOffline = false, ...helmRun }: OfflineRun,
): Promise<CheckedRelease> {
  const { signal } = helmRun;
  const chartPath = await chartFolder(helm, options, request, directory, helmRun);
  const valuesTexts = textsOfValues(request, additionsFor(request, options));
  const valuesArgs = await valuesArguments(valuesTexts, directory);
  const files = withMentions(await asked(request.chart, chartPath, signal), valuesTexts);
  const objects = await render(helm, {
    namespace: request.namespace,
    chartPath,
    valuesArgs,
    isUpgrade: request.isUpgrade,
    files: isOffline ? { ...files, asksCluster: false } : files,
    serverVersion: files.asksVersion ? await options.serverVersion?.(signal) : undefined,
    timeoutMs: options.renderTimeoutMs,
    signal,
  });
  await checkAtGate(objects, options, request, signal);
  return { chartPath, valuesArgs, objects, files };
}

/** Our own chart mentions the cluster in its documentation only. */
async function asked(chart: Chart, chartPath: string, signal: AbortSignal): Promise<ChartFiles> {
  const files = await inspectChart(chartPath, signal);
  return chart.kind === 'built-in' ? { ...files, asksCluster: false, asksVersion: false } : files;
}

/** @throws DiagnosedError `ChartRefused` */
async function checkAtGate(
  objects: readonly JsonObject[],
  options: HelmOptions,
  request: ReleaseRequest,
  signal: AbortSignal,
): Promise<void> {
  const { podSecurity, extraKinds, extraAnnotations } = options;
  const { namespace, hosts } = request;
  const policy = {
    podSecurity,
    extraKinds,
    extraAnnotations,
    namespace,
    hosts,
    runtimeClass: runtimeClassFor(request, options),
  };
  const refusals = refusalsOf(objects, { ...policy, kubernetesMinor: undefined });
  if (refusals.length === 0) return;
  // Younger clusters allow a little more: they are asked only when it could matter.
  const kubernetesMinor = minorOf(await options.serverVersion?.(signal));
  const remaining = kubernetesMinor === undefined ? refusals : refusalsOf(objects, { ...policy, kubernetesMinor });
  if (remaining.length > 0) throw new DiagnosedError(refusedChart(remaining));
}

/** The folder of the chart as its author made it; charts of a registry are pulled into `directory` first. */
async function chartFolder(
  helm: Helm,
  options: HelmOptions,
  { chart, chartPath }: ReleaseRequest,
  directory: string,
  helmRun: HelmRun,
): Promise<string> {
  switch (chart.kind) {
    case 'built-in':
      return options.builtInChartPath;
    case 'path':
      if (chartPath === undefined) throw new Error(`no folder was given for the chart ${chart.path}`);
      return chartPath;
    case 'oci': {
      const isPlainHttp = checkRegistry(chart.url, options.plainHttpRegistries);
      const target = join(directory, 'chart');
      await helm.offline(
        [
          'pull',
          chart.url,
          `--version=${chart.version}`,
          '--untar',
          `--untardir=${target}`,
          ...(isPlainHttp ? ['--plain-http'] : []),
        ],
        // It holds in memory whatever the registry sends.
        { ...helmRun, memoryBytes: helmMemoryBytes },
      );
      const [folder] = (await readdir(target, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      if (folder === undefined) throw new Error(`${chart.url} was pulled and holds no chart`);
      return join(target, folder.name);
    }
  }
}

/** The RuntimeClass that the preview's pods must name. */
function runtimeClassFor({ trust }: ReleaseRequest, { untrustedRuntimeClass }: HelmOptions): string | undefined {
  return trust === 'untrusted' ? untrustedRuntimeClass : undefined;
}

/** What `global.berth` holds besides what the plan says: it comes from the installation. */
function additionsFor(request: ReleaseRequest, options: HelmOptions): JsonObject {
  const runtimeClass = runtimeClassFor(request, options);
  const { passwordKey } = options;
  return {
    ...(runtimeClass === undefined ? {} : { runtimeClass }),
    ...(passwordKey === undefined ? {} : { passwordSeed: passwordSeed(passwordKey, request.namespace) }),
  };
}

/** Always the same for a preview, and another one for every other; it does not tell the key. */
function passwordSeed(key: string, namespace: string): string {
  return createHmac('sha256', key).update(`berth/passwords/${namespace}`).digest('hex');
}

/** YAML texts; later ones win. */
function textsOfValues({ values, valuesTexts }: ReleaseRequest, additions: JsonObject): readonly string[] {
  if (Object.keys(additions).length === 0) return [...valuesTexts, JSON.stringify(values)];
  const global = isJsonObject(values['global']) ? values['global'] : {};
  const berth = isJsonObject(global['berth']) ? global['berth'] : {};
  return [...valuesTexts, JSON.stringify({ ...values, global: { ...global, berth: { ...berth, ...additions } } })];
}

/** Values go through files only: arguments can be seen by every process on the machine. */
async function valuesArguments(texts: readonly string[], directory: string): Promise<readonly string[]> {
  const paths = texts.map((_, index) => join(directory, `values-${index}.yaml`));
  await Promise.all(paths.map((path, index) => writeFile(path, texts[index] ?? '', { mode: 0o600 })));
  return paths.flatMap((path) => ['--values', path]);
}

/** What the chart asks for, by itself or by values that it takes for templates. */
function withMentions(files: ChartFiles, valuesTexts: readonly string[]): ChartFiles {
  if (!files.takesTemplates) return files;
  const inValues = mentions(valuesTexts.join('\n'));
  return {
    ...files,
    asksCluster: files.asksCluster || inValues.asksCluster,
    asksVersion: files.asksVersion || inValues.asksVersion,
    asksRevision: files.asksRevision || inValues.asksRevision,
  };
}

/** 20 for `v1.20.2` and for `v1.20+`. */
function minorOf(version: string | undefined): number | undefined {
  const minor = /^v?1\.(\d+)/.exec(version ?? '')?.[1];
  return minor === undefined ? undefined : Number(minor);
}
