/** Installs or upgrades a release: render, hold against the gate, install exactly what was rendered. */
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DiagnosedError } from '../../domain/errors.ts';
import { refusalsOf, refusedChart } from '../../domain/gate.ts';
import type { JsonObject } from '../../domain/json.ts';
import { releaseName } from '../../domain/names.ts';
import { isJsonObject } from '../../domain/placeholders.ts';
import type { Released, ReleaseRequest } from '../../ports.ts';
import { ExitError } from '../../process.ts';
import { type ChartFiles, inspectChart, mentions } from './chart-files.ts';
import type { Helm, HelmRun } from './helm.ts';
import { immutableObjects, withoutImmutable } from './immutable.ts';
import { writeInertChart } from './inert-chart.ts';
import { checkRegistry } from './oci.ts';
import { helmMemoryBytes, type HelmOptions, helmSlackMs, seconds } from './options.ts';
import { render } from './render.ts';
import { hasDeleteHooks, hasPostHooks, hookEvents } from './rendered-objects.ts';

const released = z.object({ version: z.number().int() });
/** Helm prints the whole release, chart and all. */
const mostOutputBytes = 64 * 1024 * 1024;

/** @throws DiagnosedError, or what `failureOf` makes sense of. */
export async function upgrade(
  helm: Helm,
  options: HelmOptions,
  request: ReleaseRequest,
  signal: AbortSignal,
): Promise<Released> {
  const { namespace } = request;
  await using directory = await helm.temporary();
  const helmRun: HelmRun = { signal, timeoutMs: options.timeoutMs + helmSlackMs };
  const chartPath = await chartFolder(helm, options, request, directory.path, helmRun);
  const valuesTexts = textsOfValues(request, runtimeClassFor(request, options));
  const valuesArgs = await valuesArguments(valuesTexts, directory.path);
  const files = withMentions(await inspectChart(chartPath, signal), valuesTexts);
  const asksVersion = files.asksVersion && request.chart.kind !== 'built-in';
  const objects = await render(helm, {
    namespace,
    chartPath,
    valuesArgs,
    isUpgrade: request.isUpgrade,
    files,
    serverVersion: asksVersion ? await options.serverVersion?.(signal) : undefined,
    timeoutMs: options.renderTimeoutMs,
    signal,
  });
  await checkAtGate(objects, options, request, signal);

  const events = hookEvents(objects);
  const installed = async (some: readonly JsonObject[], ...args: readonly string[]): Promise<number> => {
    const inert = await mkdtemp(join(directory.path, 'inert-'));
    await writeInertChart(inert, chartPath, some);
    // The templates ask for none of the values: they are for those who look at the release.
    return await install(helm, options, namespace, [inert, ...valuesArgs, ...args], helmRun);
  };
  const wait = hasPostHooks(events) ? ['--wait'] : [];
  let version: number;
  try {
    version = await installed(objects, ...wait);
  } catch (error) {
    const refused = error instanceof ExitError ? immutableObjects(error.stderr) : [];
    const remaining = withoutImmutable(objects, refused);
    if (remaining === undefined) throw error;
    // Helm removes what a chart has no longer, and then makes it anew.
    await installed(remaining, '--no-hooks');
    version = await installed(objects, ...wait);
  }
  return { version, hasDeleteHooks: hasDeleteHooks(events) };
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

async function install(
  helm: Helm,
  options: HelmOptions,
  namespace: string,
  args: readonly string[],
  helmRun: HelmRun,
): Promise<number> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  await helm.inNamespace(
    namespace,
    [
      'upgrade',
      '--install',
      releaseName,
      ...args,
      '--output=json',
      `--history-max=${options.historyMax}`,
      `--timeout=${seconds(options.timeoutMs)}`,
      // What no values file says is not kept from the release before.
      '--reset-values',
      // Three-way merges work on every cluster. Server-side apply refuses ports that do not name their protocol, as most
      // charts' do not, where the API server knows no default for it (measured: 1.20). Changes by hand are undone either way.
      '--server-side=false',
      // Fetching the cluster's whole schema takes longer than all the rest; the API server validates what it is given.
      '--disable-openapi-validation',
    ],
    {
      ...helmRun,
      onOutput(chunk) {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > mostOutputBytes) throw new Error(`helm upgrade prints more than ${mostOutputBytes} bytes`);
      },
    },
  );
  return released.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).version;
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

/** YAML texts; later ones win. */
function textsOfValues({ values, valuesTexts }: ReleaseRequest, runtimeClass: string | undefined): readonly string[] {
  return [...valuesTexts, JSON.stringify(runtimeClass === undefined ? values : withRuntimeClass(values, runtimeClass))];
}

/** The same values with `global.berth.runtimeClass`. */
function withRuntimeClass(values: JsonObject, runtimeClass: string): JsonObject {
  const global = isJsonObject(values['global']) ? values['global'] : {};
  const berth = isJsonObject(global['berth']) ? global['berth'] : {};
  return { ...values, global: { ...global, berth: { ...berth, runtimeClass } } };
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
