/** Helm in memory, over the same world as the fake cluster. Passes the contract suite of `Releaser`. */
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis, WorkloadState } from '../../src/domain/preview.ts';
import type { Releaser, ReleaseRequest } from '../../src/ports.ts';
import type { FakeNamespace, FakeWorld } from './world.ts';

export interface FakeReleaser extends Releaser {
  /** Every upgrade that was begun, oldest first. */
  readonly upgrades: readonly ReleaseRequest[];
  /** What workloads do right after an upgrade from now on; ready when nothing else is said. */
  readyAs(state: WorkloadState): void;
  /** What happens to the next upgrade. */
  next(fate: Fate): void;
  /** What `Released.hasDeleteHooks` says from now on. */
  deleteHooks(has: boolean): void;
}

type Fate =
  /** Helm refuses the chart, before it leaves anything behind. */
  | { readonly refuse: Diagnosis }
  /** Helm fails half-way. */
  | { readonly fail: Diagnosis }
  /** Helm is killed half-way: the release stays pending. */
  | { readonly kill: true }
  /** Helm goes on until it is asked to end. */
  | { readonly hang: true };

/** A Helm that deploys whatever it is given. */
export function fakeReleaser(world: FakeWorld): FakeReleaser {
  const upgrades: ReleaseRequest[] = [];
  const fates: Fate[] = [];
  let ready: WorkloadState = { state: 'ready' };
  let hasDeleteHooks = false;

  function active(name: string): FakeNamespace {
    const namespace = world.namespace(name);
    if (namespace.terminating) throw new Error(`namespace ${name} is being terminated`);
    return namespace;
  }

  return {
    upgrades,
    readyAs(state) {
      ready = state;
    },
    next(fate) {
      fates.push(fate);
    },
    deleteHooks(has) {
      hasDeleteHooks = has;
    },

    async upgrade(request, signal) {
      signal.throwIfAborted();
      await Promise.resolve();
      const namespace = active(request.namespace);
      const fate = fates.shift();
      upgrades.push(request);
      if (fate && 'refuse' in fate) throw new DiagnosedError(fate.refuse);
      const { helm } = namespace;
      const last = helm.at(-1);
      if (last !== undefined && isLocked(last.status)) throw new Error('another operation is in progress');
      const version = (last?.version ?? 0) + 1;
      const revision: FakeNamespace['helm'][number] = {
        version,
        status: last === undefined ? 'pending-install' : 'pending-upgrade',
      };
      helm.push(revision);
      world.changed();
      if (fate && 'kill' in fate) throw new Error('helm was killed');
      if (fate && 'hang' in fate) {
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        revision.status = 'failed';
        world.changed();
        signal.throwIfAborted();
      }
      if (fate && 'fail' in fate) {
        revision.status = 'failed';
        world.changed();
        throw new DiagnosedError(fate.fail);
      }
      for (const older of helm) if (older.status === 'deployed') older.status = 'superseded';
      revision.status = 'deployed';
      namespace.workloads = ready;
      namespace.damaged = false;
      world.changed();
      return { version, hasDeleteHooks };
    },

    async unlock(name, signal) {
      signal.throwIfAborted();
      await Promise.resolve();
      const namespace = active(name);
      const last = namespace.helm.at(-1);
      if (last === undefined || !isLocked(last.status)) return;
      const deployed = namespace.helm.findLast(({ status }) => status === 'deployed');
      if (deployed === undefined || last.status === 'uninstalling') {
        namespace.helm = [];
        namespace.workloads = { state: 'none' };
      } else {
        deployed.status = 'superseded';
        namespace.helm.push({ version: last.version + 1, status: 'deployed' });
      }
      world.changed();
    },

    async uninstall(name, _timeoutMs, signal) {
      signal.throwIfAborted();
      await Promise.resolve();
      const namespace = world.namespaces.get(name);
      if (namespace === undefined) return;
      namespace.helm = [];
      namespace.workloads = { state: 'none' };
      world.changed();
    },
  };
}

function isLocked(status: string): boolean {
  return status.startsWith('pending-') || status === 'uninstalling';
}
