/** Helm over the cluster in memory, with pods that fare as the code they run. */
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis, WorkloadState } from '../../src/domain/preview.ts';
import type { Releaser } from '../../src/ports.ts';
import type { FakeClock } from '../fakes/clock.ts';
import type { FakeCluster } from '../fakes/cluster.ts';
import type { FakeReleaser } from '../fakes/releaser.ts';
import type { FakeNamespace } from '../fakes/world.ts';
import type { Code } from './code.ts';

export interface Pods {
  readonly releaser: Releaser;
  /** The image that runs in each namespace, by UID. */
  readonly running: ReadonlyMap<string, string>;
  /** Somebody upgrades the release to something else. */
  changeByHand(namespace: FakeNamespace): void;
  /** Somebody uninstalls the release. */
  removeByHand(namespace: FakeNamespace): void;
}

/** How long pods take to become ready, or to crash. */
const podsMs = 2_000;
/** Longer than anybody waits for them. */
const slowPodsMs = 100_000;
const pullAgainMs = 10_000;
const crash: Diagnosis = { reason: 'ContainerCrashed', message: 'The container web crashed.' };
const refusal: Diagnosis = { reason: 'ChartInvalid', message: 'The chart cannot be rendered.' };
const missing: Diagnosis = { reason: 'ImagePullFailed', message: 'The image cannot be pulled.' };

export function podsIn(cluster: FakeCluster, helm: FakeReleaser, code: Code, clock: FakeClock): Pods {
  const { world } = cluster;
  const running = new Map<string, string>();

  function become(namespace: FakeNamespace, digest: string): void {
    if (running.get(namespace.uid) !== digest || namespace.helm.length === 0) return;
    if (world.namespaces.get(namespace.name) !== namespace) return;
    cluster.setWorkloads(namespace.name, stateOf(digest));
    if (!code.hasImage(digest)) clock.after(pullAgainMs, () => become(namespace, digest));
  }

  function stateOf(digest: string): WorkloadState {
    if (!code.hasImage(digest)) return { state: 'failing', diagnosis: missing };
    return code.builtFrom(digest)?.fate === 'pods crash' ? { state: 'failing', diagnosis: crash } : { state: 'ready' };
  }

  return {
    running,
    releaser: {
      ...helm,
      async upgrade(request, signal) {
        const digest = /sha256:[0-9a-f]{64}/.exec(JSON.stringify(request.values))?.[0] ?? '';
        const fate = code.builtFrom(digest)?.fate;
        if (fate === 'chart fails') throw new DiagnosedError(refusal);
        const released = await helm.upgrade(request, signal);
        const namespace = world.namespace(request.namespace);
        running.set(namespace.uid, digest);
        cluster.setWorkloads(namespace.name, { state: 'progressing', message: 'The pod web-1 is being started.' });
        clock.after(fate === 'pods are slow' ? slowPodsMs : podsMs, () => become(namespace, digest));
        return released;
      },
    },
    changeByHand(namespace) {
      for (const revision of namespace.helm) if (revision.status === 'deployed') revision.status = 'superseded';
      namespace.helm.push({ version: (namespace.helm.at(-1)?.version ?? 0) + 1, status: 'deployed' });
      running.set(namespace.uid, 'something else');
      world.changed();
    },
    removeByHand(namespace) {
      namespace.helm = [];
      namespace.workloads = { state: 'none' };
      running.delete(namespace.uid);
      world.changed();
    },
  };
}
