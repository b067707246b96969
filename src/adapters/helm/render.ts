/** Lets Helm render a chart, which is a program of a stranger's: bounded in time, memory and output. */
import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { releaseName } from '../../domain/names.ts';
import { ExitError, TimeoutError } from '../../process.ts';
import type { ChartFiles } from './chart-files.ts';
import type { Helm } from './helm.ts';
import { helmMemoryBytes } from './options.ts';
import { invalid, objectsIn } from './read-objects.ts';

const mostOutputBytes = 4 * 1024 * 1024;
/** Nothing needs to be written down when a rendering is interrupted. */
const graceMs = 1_000;
/** Of a whole release, which holds the chart itself and a few of its words twice. */
const mostReleaseBytes = 64 * 1024 * 1024;

const dryRelease = z.object({
  manifest: z.string().nullish(),
  hooks: z.array(z.object({ path: z.string(), manifest: z.string() })).nullish(),
});

export interface Rendering {
  readonly namespace: string;
  readonly chartPath: string;
  readonly valuesArgs: readonly string[];
  readonly isUpgrade: boolean;
  readonly files: ChartFiles;
  /** Kubernetes' version, for charts that ask; `undefined` for the one that Helm assumes. */
  readonly serverVersion: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * What the chart renders to. Helm speaks to the cluster, as the deployer account, for charts that ask it for something only.
 * @throws DiagnosedError when it takes too long or too much, or when what comes out is not objects.
 * @throws ExitError when Helm cannot render it.
 */
export async function render(helm: Helm, rendering: Rendering): Promise<readonly JsonObject[]> {
  const { namespace, chartPath, valuesArgs, isUpgrade, files, serverVersion, timeoutMs, signal } = rendering;
  // Only an upgrade can tell the number of a revision that is not the first; it does not print definitions, which then are left out.
  const tries = isUpgrade && files.asksRevision;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const mostBytes = tries ? mostReleaseBytes : mostOutputBytes;
  const bounds = {
    signal,
    timeoutMs,
    graceMs,
    memoryBytes: helmMemoryBytes,
    onOutput(chunk: Buffer) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > mostBytes) throw tooLarge();
    },
  };
  const args = [
    releaseName,
    chartPath,
    ...valuesArgs,
    ...(files.hasOwnSchemasOnly ? [] : ['--skip-schema-validation']),
  ];
  const online = ['--dry-run=server', '--disable-openapi-validation'];
  const template = ['template', ...args, '--include-crds', ...(isUpgrade ? ['--is-upgrade'] : [])];
  try {
    if (tries) {
      await helm.inNamespace(namespace, ['upgrade', ...args, ...online, '--reset-values', '--output=json'], bounds);
    } else if (files.asksCluster) {
      await helm.inNamespace(namespace, [...template, ...online], bounds);
    } else {
      const version = serverVersion === undefined ? [] : [`--kube-version=${serverVersion}`];
      await helm.offline([...template, '--namespace', namespace, ...version], bounds);
    }
  } catch (error) {
    signal.throwIfAborted();
    // With the cluster in it, slowness is not the chart's fault for certain.
    if (error instanceof TimeoutError && !tries && !files.asksCluster) {
      throw invalid(`takes longer than ${timeoutMs / 1000} seconds to render`, error);
    }
    // Go's runtime says so in these words.
    if (error instanceof ExitError && /cannot allocate memory|out of memory/.test(error.stderr)) {
      throw invalid(`takes more than ${helmMemoryBytes / 1024 / 1024} MiB of memory to render`, error);
    }
    throw error;
  }
  const printed = Buffer.concat(chunks).toString('utf8');
  return await objectsIn(tries ? renderingIn(printed) : printed, signal);
}

/** What `helm template` would print of a release. */
function renderingIn(release: string): string {
  const { manifest, hooks } = dryRelease.parse(JSON.parse(release));
  const documents = (hooks ?? []).map((hook) => `---\n# Source: ${hook.path}\n${hook.manifest}\n`);
  const text = [manifest ?? '', ...documents].join('\n');
  if (Buffer.byteLength(text) > mostOutputBytes) throw tooLarge();
  return text;
}

function tooLarge(): Error {
  return invalid(`renders to more than ${mostOutputBytes / 1024 / 1024} MiB`);
}
