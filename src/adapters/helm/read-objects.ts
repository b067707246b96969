/** From the text of a rendering to objects. */
import { Worker } from 'node:worker_threads';
import { DiagnosedError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { packageModule } from '../../package-files.ts';
import { readKubernetesYaml, type YamlResult } from './kubernetes-yaml.ts';
import { renderedObjects } from './rendered-objects.ts';

/** A text of this size is read in a moment, were it made to be slow; the event loop is others' too. */
const mostCharactersHere = 64 * 1024;
const readTimeoutMs = 30_000;

/**
 * The objects in what Helm has printed.
 * @throws DiagnosedError when it is not objects, or cannot be read exactly.
 */
export async function objectsIn(text: string, signal: AbortSignal): Promise<readonly JsonObject[]> {
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
  const reader = packageModule('adapters/helm/kubernetes-yaml');
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

/** An error for the author; `what` goes on from "The chart". */
export function invalid(what: string, cause?: unknown): DiagnosedError {
  return new DiagnosedError({ reason: 'ChartInvalid', message: `The chart ${what}.` }, { cause });
}
