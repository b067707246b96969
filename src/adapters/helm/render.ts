/** Lets Helm render a chart, which is a program of a stranger's: bounded in time, memory and output. */
import { Worker } from 'node:worker_threads';
import { DiagnosedError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { releaseName } from '../../domain/names.ts';
import { ExitError, TimeoutError } from '../../process.ts';
import type { ChartFiles } from './chart-files.ts';
import type { Helm } from './helm.ts';
import { readKubernetesYaml, type YamlResult } from './kubernetes-yaml.ts';
import { renderedObjects } from './rendered-objects.ts';

const mostOutputBytes = 4 * 1024 * 1024;
const memoryBytes = 1024 * 1024 * 1024;
/** Nothing needs to be written down when a rendering is interrupted. */
const graceMs = 1_000;
/** A text of this size is read in milliseconds, were it made to be slow; the event loop is others' too. */
const mostCharactersHere = 64 * 1024;
const readTimeoutMs = 30_000;

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
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const bounds = {
    signal,
    timeoutMs,
    graceMs,
    memoryBytes,
    onOutput(chunk: Buffer) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > mostOutputBytes) throw invalid(`renders to more than ${mostOutputBytes / 1024 / 1024} MiB`);
    },
  };
  const args = [
    'template',
    releaseName,
    chartPath,
    ...valuesArgs,
    '--include-crds',
    ...(isUpgrade ? ['--is-upgrade'] : []),
    ...(files.hasOwnSchemasOnly ? [] : ['--skip-schema-validation']),
  ];
  try {
    if (files.asksCluster) {
      await helm.inNamespace(namespace, [...args, '--dry-run=server', '--disable-openapi-validation'], bounds);
    } else {
      const version = serverVersion === undefined ? [] : [`--kube-version=${serverVersion}`];
      await helm.offline([...args, '--namespace', namespace, ...version], bounds);
    }
  } catch (error) {
    signal.throwIfAborted();
    // With the cluster in it, slowness is not the chart's fault for certain.
    if (error instanceof TimeoutError && !files.asksCluster) {
      throw invalid(`takes longer than ${timeoutMs / 1000} seconds to render`, error);
    }
    // Go's runtime says so in these words.
    if (error instanceof ExitError && /cannot allocate memory|out of memory/.test(error.stderr)) {
      throw invalid(`takes more than ${memoryBytes / 1024 / 1024} MiB of memory to render`, error);
    }
    throw error;
  }
  return await objectsIn(Buffer.concat(chunks).toString('utf8'), signal);
}

async function objectsIn(text: string, signal: AbortSignal): Promise<readonly JsonObject[]> {
  const read = text.length <= mostCharactersHere ? readKubernetesYaml(text) : await readElsewhere(text, signal);
  if ('problem' in read) {
    // Helm puts a line with the template's path before each document.
    const source = text
      .slice(0, read.offset)
      .match(/^# Source: .*$/gm)
      ?.at(-1);
    const where = source === undefined ? '' : ` (\`${source.slice('# Source: '.length).slice(0, 200)}\`)`;
    throw invalid(`renders to YAML that cannot be installed: ${read.problem}${where}`);
  }
  const result = renderedObjects(read.values);
  if ('problem' in result) throw invalid(`cannot be installed: ${result.problem}`);
  return result.objects;
}

/** Reads a text in a thread of its own, which can be ended. */
async function readElsewhere(text: string, signal: AbortSignal): Promise<YamlResult> {
  const reader = new URL(
    import.meta.url.endsWith('.ts') ? './kubernetes-yaml.ts' : './kubernetes-yaml.js',
    import.meta.url,
  );
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.reader).then(({ readKubernetesYaml }) => parentPort.postMessage(readKubernetesYaml(workerData.text)));
  `;
  const worker = new Worker(program, {
    eval: true,
    workerData: { reader: reader.href, text },
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  const bound = AbortSignal.any([signal, AbortSignal.timeout(readTimeoutMs)]);
  try {
    return await new Promise<YamlResult>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (cause) => reject(invalid('renders to YAML that cannot be read', cause)));
      bound.addEventListener(
        'abort',
        () => reject(invalid(`takes longer than ${readTimeoutMs / 1000} seconds to read`)),
        {
          once: true,
        },
      );
    });
  } finally {
    await worker.terminate();
    signal.throwIfAborted();
  }
}

function invalid(what: string, cause?: unknown): DiagnosedError {
  return new DiagnosedError({ reason: 'ChartInvalid', message: `The chart ${what}.` }, { cause });
}
