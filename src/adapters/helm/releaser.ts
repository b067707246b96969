/** Helm as a `Releaser`. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DiagnosedError } from '../../domain/errors.ts';
import { releaseName } from '../../domain/names.ts';
import type { Released, Releaser, ReleaseRequest } from '../../ports.ts';
import { inspectChart, namesHook } from './chart-files.ts';
import { failedHookJob, failureOf } from './failure.ts';
import { type Helm, type HelmRun, helmCommand } from './helm.ts';
import { hasDeleteHooks, hasPostHooks, hookEvents } from './hooks.ts';
import { checkRegistry } from './oci.ts';
import { defaultHelmOptions, type HelmOptions } from './options.ts';
import { unlock } from './unlock.ts';

const released = z.object({
  version: z.number().int(),
  hooks: z.array(z.object({ events: z.array(z.string()).nullish() })).nullish(),
});

/** Beyond Helm's own limit, before it is ended from outside. */
const slackMs = 10_000;
const quickMs = 60_000;

type RequiredOption = 'helmPath' | 'cluster' | 'builtInChartPath' | 'directory';

/** Runs the `helm` program; options that are left out have the values of `defaultHelmOptions`. */
export function helmReleaser(given: Pick<HelmOptions, RequiredOption> & Partial<HelmOptions>): Releaser {
  const options: HelmOptions = { ...defaultHelmOptions, ...given };
  const helm = helmCommand(options);
  return {
    upgrade: (request, signal) => upgrade(helm, options, request, signal),

    async unlock(namespace, signal) {
      try {
        await unlock(helm, namespace, { signal, timeoutMs: quickMs });
      } catch (cause) {
        signal.throwIfAborted();
        throw new Error(`unlocking the release in ${namespace}`, { cause });
      }
    },

    async uninstall(namespace, timeoutMs, signal) {
      const args = ['uninstall', releaseName, '--ignore-not-found', '--timeout', seconds(timeoutMs)];
      try {
        await helm.inNamespace(namespace, args, { signal, timeoutMs: timeoutMs + slackMs });
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(`uninstalling the release in ${namespace}`, error, { kind: 'built-in' });
        // A hook that fails or hangs does not keep the namespace: what is left goes with it.
        if (failure instanceof DiagnosedError || failure.name === 'TimeoutError') return;
        throw failure;
      }
    },
  };
}

async function upgrade(
  helm: Helm,
  options: HelmOptions,
  request: ReleaseRequest,
  signal: AbortSignal,
): Promise<Released> {
  const { namespace, chart } = request;
  await using directory = await helm.temporary();
  const helmRun: HelmRun = { signal, timeoutMs: options.timeoutMs + slackMs };
  try {
    const chartPath = await chartFolder(helm, options, request, directory.path, helmRun);
    const valuesArgs = await valuesArguments(request, directory.path);
    const files = await inspectChart(chartPath, signal);
    const waits =
      (files.mayHaveHooks || valuesNameHook(request)) &&
      (await rendersPostHooks(helm, namespace, chartPath, valuesArgs, helmRun));
    const { stdout } = await helm.inNamespace(
      namespace,
      [
        'upgrade',
        '--install',
        releaseName,
        chartPath,
        ...valuesArgs,
        '--output=json',
        `--history-max=${options.historyMax}`,
        `--timeout=${seconds(options.timeoutMs)}`,
        // Three-way merges work on every cluster. Server-side apply refuses ports that do not name their protocol, as most
        // charts' do not, where the API server knows no default for it (measured: 1.20). Changes by hand are undone either way.
        '--server-side=false',
        ...(waits ? ['--wait'] : []),
      ],
      helmRun,
    );
    const { version, hooks } = released.parse(JSON.parse(stdout));
    return { version, hasDeleteHooks: hasDeleteHooks((hooks ?? []).flatMap(({ events }) => events ?? [])) };
  } catch (error) {
    signal.throwIfAborted();
    throw await withHookLog(
      failureOf(`installing the release in ${namespace}`, error, chart),
      options,
      namespace,
      signal,
    );
  }
}

/** The folder to install from; charts of a registry are pulled into `directory` first. */
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
        helmRun,
      );
      const [folder] = (await readdir(target, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      if (folder === undefined) throw new Error(`${chart.url} was pulled and holds no chart`);
      return join(target, folder.name);
    }
  }
}

/** Values go through files only: arguments can be seen by every process on the machine. */
async function valuesArguments({ values, valuesTexts }: ReleaseRequest, directory: string): Promise<readonly string[]> {
  // JSON is YAML.
  const texts = [...valuesTexts, JSON.stringify(values)];
  const paths = texts.map((_, index) => join(directory, `values-${index}.yaml`));
  await Promise.all(paths.map((path, index) => writeFile(path, texts[index] ?? '', { mode: 0o600 })));
  return paths.flatMap((path) => ['--values', path]);
}

function valuesNameHook({ values, valuesTexts }: ReleaseRequest): boolean {
  return [JSON.stringify(values), ...valuesTexts].some(namesHook);
}

async function rendersPostHooks(
  helm: Helm,
  namespace: string,
  chartPath: string,
  valuesArgs: readonly string[],
  helmRun: HelmRun,
): Promise<boolean> {
  const args = ['template', releaseName, chartPath, '--namespace', namespace, ...valuesArgs];
  const { stdout } = await helm.offline(args, helmRun);
  return hasPostHooks(hookEvents(stdout));
}

/** Puts what the hook's job said last in front of what Helm said about it. */
async function withHookLog(
  failure: Error,
  { jobLog }: HelmOptions,
  namespace: string,
  signal: AbortSignal,
): Promise<Error> {
  if (!(failure instanceof DiagnosedError) || jobLog === undefined) return failure;
  const job = failedHookJob(failure.diagnosis);
  if (job === undefined) return failure;
  // The job may be gone already, by its delete policy; the failure is worth telling without its log.
  const log = await jobLog(namespace, job, signal).catch(() => []);
  return log.length === 0 ? failure : new DiagnosedError({ ...failure.diagnosis, log }, { cause: failure.cause });
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))}s`;
}
