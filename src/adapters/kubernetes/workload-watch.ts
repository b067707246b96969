/** The workloads of one namespace, read once or followed. */
import { isDeepStrictEqual } from 'node:util';
import type { WorkloadState } from '../../domain/preview.ts';
import type { KubernetesApi } from './api.ts';
import { workloadCollections } from './collections.ts';
import type { Patience } from './finding.ts';
import { evidenceReader } from './logs.ts';
import type { ClusterEvent, KubernetesObject } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { reflect } from './reflector.ts';
import { workloadState } from './workload-state.ts';
import type { WorkloadObjects } from './workloads.ts';

/** Events that tell something which the objects do not. */
const tellingReasons = new Set([
  'Failed',
  'FailedCreate',
  'SuccessfulCreate',
  'FailedMount',
  'Unhealthy',
  'Killing',
  'TriggeredScaleUp',
  'NotTriggerScaleUp',
  'Nominated',
]);
const isTelling = (event: KubernetesObject) => tellingReasons.has((event as ClusterEvent).reason ?? '');

/** Changes come in bursts: one look at them is enough. */
const burstMs = 10;

type Kind = keyof WorkloadObjects;
const kinds = Object.keys(workloadCollections) as Kind[];

/** The state of the workloads now, and what it was read from. */
export async function readWorkloads(
  api: KubernetesApi,
  namespace: string,
  patience: Patience,
  signal: AbortSignal,
): Promise<{ readonly state: WorkloadState; readonly objects: WorkloadObjects }> {
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      const list = await api.list<KubernetesObject>(workloadCollections[kind](namespace), signal);
      return [kind, kind === 'events' ? list.items.filter(isTelling) : list.items] as const;
    }),
  );
  const objects = objectsOf(lists);
  const assessment = workloadState(objects, Date.now(), patience);
  return { state: await evidenceReader(api, namespace).withLog(assessment, signal), objects };
}

/** The state of the workloads now and after each change; ends when the namespace is gone. */
export async function* watchWorkloads(
  api: KubernetesApi,
  namespace: string,
  { patience, relistMs }: Pick<KubernetesOptions, 'patience' | 'relistMs'>,
  signal: AbortSignal,
): AsyncGenerator<WorkloadState> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const running = AbortSignal.any([signal, stop.signal]);
  const changes = changeSignal(running);
  const evidence = evidenceReader(api, namespace);
  const current = new Map<Kind, ReadonlyMap<string, KubernetesObject>>();
  let exists: boolean | undefined;
  let failure: unknown;

  const loops = kinds.map((kind) =>
    reflect<KubernetesObject>(
      api,
      workloadCollections[kind](namespace),
      {
        relistMs,
        onChange(objects) {
          current.set(kind, objects);
          changes.notify();
        },
        ...(kind === 'events' ? { ignores: (event: KubernetesObject) => !isTelling(event) } : {}),
      },
      running,
    ),
  );
  loops.push(
    reflect(
      api,
      { path: '/api/v1/namespaces', query: { fieldSelector: `metadata.name=${namespace}` } },
      {
        relistMs,
        onChange(namespaces) {
          exists = namespaces.size > 0;
          changes.notify();
        },
      },
      running,
    ),
  );
  const watched = Promise.all(loops).catch((error: unknown) => {
    failure = error;
    changes.notify();
  });

  try {
    let last: WorkloadState | undefined;
    for (;;) {
      if (failure !== undefined) throw failure;
      if (exists === false) return;
      let recheckAtMs: number | undefined;
      if (exists && current.size === kinds.length) {
        const lists = [...current].map(([kind, objects]) => [kind, [...objects.values()]] as const);
        const assessment = workloadState(objectsOf(lists), Date.now(), patience);
        recheckAtMs = assessment.recheckAtMs;
        const state = await evidence.withLog(assessment, signal);
        if (!isDeepStrictEqual(state, last)) {
          last = state;
          yield state;
        }
      }
      await changes.wait(recheckAtMs);
      signal.throwIfAborted();
    }
  } finally {
    stop.abort();
    await watched;
  }
}

/** Lets one waiter sleep until something changed, or until a moment. Changes while nobody waits are remembered. */
function changeSignal(signal: AbortSignal) {
  let changed = false;
  let wake: (() => void) | undefined;
  signal.addEventListener('abort', () => wake?.(), { once: true });
  return {
    notify() {
      changed = true;
      wake?.();
    },
    async wait(untilMs: number | undefined): Promise<void> {
      if (!changed && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = untilMs === undefined ? undefined : setTimeout(resolve, Math.max(0, untilMs - Date.now()));
        await promise;
        clearTimeout(timer);
        wake = undefined;
      }
      if (changed && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, burstMs));
      changed = false;
    },
  };
}

/** The API server sends each kind as what it is; this is where that is believed. */
function objectsOf(lists: Iterable<readonly [Kind, readonly KubernetesObject[]]>): WorkloadObjects {
  const objects = Object.fromEntries(lists) as Record<Kind, readonly KubernetesObject[]>;
  return objects as WorkloadObjects;
}
