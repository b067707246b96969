/** A cluster in memory, shared by the fakes of `Cluster` and `Releaser` as the real ones share Kubernetes. */
import { setImmediate } from 'node:timers/promises';
import type { PreviewKey, Trust, WorkloadState } from '../../src/domain/preview.ts';
import type { ReleaseRecord } from '../../src/ports.ts';

interface HelmRevision {
  readonly version: number;
  status: 'deployed' | 'failed' | 'superseded' | 'pending-install' | 'pending-upgrade' | 'uninstalling';
}

export interface FakeNamespace {
  readonly name: string;
  readonly uid: string;
  /** `undefined` for a namespace that is not ours. */
  readonly key: PreviewKey | undefined;
  /** What it was prepared for; `undefined` once somebody has changed what was put into it. */
  preparedFor: { readonly repository: string; readonly trust: Trust } | undefined;
  fence: number;
  terminating: boolean;
  /** What keeps it from going once it is terminating. */
  heldBy: string | undefined;
  revision: string | undefined;
  /** As `recordRelease` wrote it, with the version it is about. */
  record: (ReleaseRecord & { readonly version: number }) | undefined;
  deployed: Extract<ReleaseRecord['outcome'], { state: 'deployed' }> | undefined;
  /** Oldest first. */
  helm: HelmRevision[];
  workloads: WorkloadState;
  /** Whether something that Helm made was deleted by somebody else. */
  damaged: boolean;
}

export interface FakeWorld {
  /** By name. */
  readonly namespaces: ReadonlyMap<string, FakeNamespace>;
  /** The namespace of that name. @throws when there is none. */
  namespace(name: string): FakeNamespace;
  add(name: string, key: PreviewKey | undefined): FakeNamespace;
  /** Tells everybody who waits that something is different now. */
  changed(): void;
  /** Marks the namespace terminating; it goes soon afterwards, unless it is held. */
  terminate(namespace: FakeNamespace): void;
  /** Whoever held it lets go. */
  letGo(name: string): void;
  /** Resolves at the next change. @throws the signal's reason. */
  nextChange(signal: AbortSignal): Promise<void>;
}

/** An empty cluster. */
export function fakeWorld(): FakeWorld {
  const namespaces = new Map<string, FakeNamespace>();
  let uids = 0;
  let next = Promise.withResolvers<void>();

  function changed(): void {
    next.resolve();
    next = Promise.withResolvers<void>();
  }

  /** As in a cluster, removal is never done before the request for it is answered. */
  async function finish(namespace: FakeNamespace): Promise<void> {
    await setImmediate();
    if (namespace.heldBy !== undefined || namespaces.get(namespace.name) !== namespace) return;
    namespaces.delete(namespace.name);
    changed();
  }

  return {
    namespaces,
    changed,
    namespace(name) {
      const namespace = namespaces.get(name);
      if (!namespace) throw new Error(`namespaces "${name}" not found`);
      return namespace;
    },
    add(name, key) {
      uids += 1;
      const namespace: FakeNamespace = {
        name,
        uid: `uid-${uids}`,
        key,
        preparedFor: undefined,
        fence: 1,
        terminating: false,
        heldBy: undefined,
        revision: undefined,
        record: undefined,
        deployed: undefined,
        helm: [],
        workloads: { state: 'none' },
        damaged: false,
      };
      namespaces.set(name, namespace);
      changed();
      return namespace;
    },
    terminate(namespace) {
      namespace.terminating = true;
      changed();
      void finish(namespace);
    },
    letGo(name) {
      const namespace = namespaces.get(name);
      if (!namespace) return;
      namespace.heldBy = undefined;
      if (namespace.terminating) void finish(namespace);
    },
    async nextChange(signal) {
      signal.throwIfAborted();
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([next.promise, aborted]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
