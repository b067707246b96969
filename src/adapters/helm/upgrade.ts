/** Installs or upgrades a release: render, hold against the gate, install exactly what was rendered. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { releaseName } from '../../domain/names.ts';
import type { Released, ReleaseRequest } from '../../ports.ts';
import { ExitError } from '../../process.ts';
import { checkedRelease } from './checked-release.ts';
import type { Helm, HelmRun } from './helm.ts';
import { immutableObjects, withoutImmutable } from './immutable.ts';
import { writeInertChart } from './inert-chart.ts';
import { type HelmOptions, helmSlackMs, seconds } from './options.ts';
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
  const { chartPath, valuesArgs, objects } = await checkedRelease(helm, options, request, directory.path, helmRun);
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
