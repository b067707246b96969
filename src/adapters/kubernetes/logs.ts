/** The last lines of a container, as proof. */
import type { Diagnosis, WorkloadState } from '../../domain/preview.ts';
import type { KubernetesApi } from './api.ts';
import { corePath } from './collections.ts';
import { type Evidence, timeMs } from './finding.ts';
import type { Pod } from './objects.ts';
import type { Assessment } from './workload-state.ts';
import { containerStatusesOf } from './workloads.ts';

// More than is shown: a credential that was split over lines is only known with those before.
const mostLines = 60;
const longestLine = 4_000;

/** Reads the lines that prove an assessment, once for each container. */
export interface EvidenceReader {
  /** The state of the assessment, with the log in its diagnosis where there is one. */
  withLog(assessment: Assessment, signal: AbortSignal): Promise<WorkloadState>;
}

/** A reader that keeps what it read, so that an unchanged failure stays the same state. */
export function evidenceReader(api: KubernetesApi, namespace: string): EvidenceReader {
  const known = new Map<string, Promise<readonly string[]>>();
  return {
    async withLog({ state, evidence }, signal) {
      if (state.state !== 'failing' || evidence === undefined) return state;
      const id = `${evidence.pod}/${evidence.container}/${state.diagnosis.reason}`;
      const reading = known.get(id) ?? lastLines(api, namespace, evidence, signal);
      known.set(id, reading);
      const log = await reading;
      signal.throwIfAborted();
      const diagnosis: Diagnosis = log.length > 0 ? { ...state.diagnosis, log } : state.diagnosis;
      return { state: 'failing', diagnosis };
    },
  };
}

/** What the newest pod of a job said last; empty when there is none any more. */
export async function jobLog(
  api: KubernetesApi,
  namespace: string,
  job: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { labelSelector: `job-name=${job}` };
  const { items } = await api.list<Pod>({ path: corePath(namespace, 'pods'), query }, signal);
  const newest = items
    .toSorted((a, b) => timeMs(a.metadata.creationTimestamp) - timeMs(b.metadata.creationTimestamp))
    .at(-1);
  if (newest === undefined) return [];
  const failed = containerStatusesOf(newest).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const container = failed?.name ?? newest.spec.containers[0]?.name;
  if (container === undefined) return [];
  return await lastLines(api, namespace, { pod: newest.metadata.name, container, previous: false }, signal);
}

async function lastLines(
  api: KubernetesApi,
  namespace: string,
  { pod, container, previous }: Evidence,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const read = async (ofPrevious: boolean) =>
    linesOf(
      await api.text(
        {
          path: `${corePath(namespace, 'pods')}/${encodeURIComponent(pod)}/log`,
          query: { container, previous: ofPrevious, tailLines: mostLines, limitBytes: 64 * 1024 },
          accept: 'text/plain, application/json',
          timeoutMs: 3_000,
        },
        signal,
      ),
    );
  try {
    return await read(previous);
  } catch {
    // The container has been restarted, or was removed, since its status was read. A failure without a log is still worth
    // telling, so that the other run is tried and then nothing is said.
    return await read(!previous).catch(() => []);
  }
}

/** Text as lines that are fit to show: no control characters, no endless lines, no blank ones at the end. */
function linesOf(text: string): readonly string[] {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- they are what is removed: colours, then everything else below a space
      .replace(/\u001b\[[0-9;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f]/g, '')
      .trimEnd()
      .split('\n')
      .filter((line, _, all) => line !== '' || all.length > 1)
      .slice(-mostLines)
      .map((line) => line.slice(0, longestLine))
  );
}
