/** Kubernetes in memory. Passes the contract suite of `Cluster`. */
import { isDeepStrictEqual } from 'node:util';
import { DiagnosedError, FencedError } from '../../src/domain/errors.ts';
import type { NamespaceState, PreviewKey, ReleaseState, WorkloadState } from '../../src/domain/preview.ts';
import type { Cluster, FenceState, NamespaceRequest, PreviewNamespace } from '../../src/ports.ts';
import { type FakeNamespace, type FakeWorld, fakeWorld } from './world.ts';

export interface FakeCluster extends Cluster {
  readonly world: FakeWorld;
  /** What the workloads of a namespace do from now on. */
  setWorkloads(name: string, state: WorkloadState): void;
  /** Deletes what the release made, behind Helm's back. */
  damage(name: string): void;
  /** Keeps the namespace from going once it is deleted, until `world.letGo`. */
  hold(name: string, by: string): void;
  /** Loosens what confines the preview, as somebody with rights to may. */
  loosen(name: string): void;
  /** A namespace that somebody else made. */
  addForeign(name: string): void;
}

/** A cluster in which everything works, and goes wrong only as told. */
export function fakeCluster(world: FakeWorld = fakeWorld()): FakeCluster {
  const ours = () => [...world.namespaces.values()].filter((namespace) => namespace.key !== undefined);

  /** The namespace with this UID, `undefined` when it is gone. @throws when it is not ours. */
  function own(name: string, uid: string): FakeNamespace | undefined {
    const namespace = world.namespaces.get(name);
    if (namespace === undefined || namespace.uid !== uid) return undefined;
    if (namespace.key === undefined) throw new Error(`namespace ${name} is not ours`);
    return namespace;
  }

  function fenced({ name, uid, number }: FenceState): FakeNamespace {
    const namespace = own(name, uid);
    if (namespace?.fence === number) return namespace;
    throw new FencedError(`the fence of ${name} is ${namespace?.fence ?? 'gone'}, ours was ${number}`);
  }

  return {
    world,
    setWorkloads(name, state) {
      world.namespace(name).workloads = state;
      world.changed();
    },
    damage(name) {
      const namespace = world.namespace(name);
      namespace.damaged = true;
      namespace.workloads = { state: 'none' };
      world.changed();
    },
    hold(name, by) {
      world.namespace(name).heldBy = by;
    },
    loosen(name) {
      world.namespace(name).preparedFor = undefined;
      world.changed();
    },
    addForeign(name) {
      world.add(name, undefined);
    },

    async observe(key, name, wanted, signal) {
      await answer(signal);
      const found = ours().find((namespace) => isDeepStrictEqual(namespace.key, key));
      const namespace = namespaceState(found, world.namespaces.get(name), wanted);
      if (found === undefined || found.terminating) {
        return { namespace, release: { state: 'absent' }, hasDeleteHooks: false, workloads: { state: 'none' } };
      }
      return {
        namespace,
        release: releaseState(found),
        hasDeleteHooks: found.deployed?.hasDeleteHooks ?? false,
        workloads: found.workloads,
      };
    },

    async *watchWorkloads(name, signal) {
      let last: WorkloadState | undefined;
      for (;;) {
        await answer(signal);
        const namespace = world.namespaces.get(name);
        if (namespace === undefined) return;
        if (isDeepStrictEqual(namespace.workloads, last)) {
          await world.nextChange(signal);
          continue;
        }
        last = namespace.workloads;
        yield last;
      }
    },

    async namespaceGone(name, uid, signal) {
      await answer(signal);
      while (world.namespaces.get(name)?.uid === uid) await world.nextChange(signal);
    },

    async prepareNamespace(request, signal) {
      const { key, name } = request;
      await answer(signal);
      const existing = world.namespaces.get(name);
      if (existing?.terminating)
        throw new Error(`creating namespace ${name}: the one of that name is still being removed`);
      if (existing !== undefined && !isDeepStrictEqual(existing.key, key)) {
        throw new DiagnosedError({ reason: 'NamespaceTaken', message: `The namespace \`${name}\` is taken.` });
      }
      const namespace = existing ?? world.add(name, key);
      namespace.preparedFor = preparation(request);
      world.changed();
    },

    async fence(key, signal) {
      await answer(signal);
      const found = ours().find((namespace) => !namespace.terminating && isDeepStrictEqual(namespace.key, key));
      return found && { name: found.name, uid: found.uid, number: found.fence };
    },

    async raiseFence(fence, signal) {
      await answer(signal);
      const number = (fenced(fence).fence += 1);
      return { ...fence, number };
    },

    async checkFence(fence, signal) {
      await answer(signal);
      fenced(fence);
    },

    async recordRelease(fence, record, signal) {
      await answer(signal);
      const namespace = fenced(fence);
      namespace.record = { ...record, version: record.version ?? newestVersion(namespace) };
      if (record.outcome.state === 'deployed') namespace.deployed = record.outcome;
      world.changed();
    },

    async recordRevision(fence, revision, signal) {
      await answer(signal);
      fenced(fence).revision = revision;
      world.changed();
    },

    async deleteNamespace(name, uid, signal) {
      await answer(signal);
      const namespace = own(name, uid);
      if (namespace !== undefined) world.terminate(namespace);
    },

    async previews(signal) {
      await answer(signal);
      return ours().map(previewNamespace);
    },

    async disturbed(signal) {
      await answer(signal);
      return new Set(
        ours()
          .filter((it) => !it.terminating && isDisturbed(it))
          .map(({ uid }) => uid),
      );
    },
  };
}

/** The namespace as the gateway and the sweep see it. */
function previewNamespace(namespace: FakeNamespace): PreviewNamespace {
  const { name, uid, terminating, revision, deployed } = namespace;
  const { routes = [], images = [] } = deployed ?? {};
  return { key: namespace.key as PreviewKey, name, uid, terminating, revision, routes, images };
}

function namespaceState(
  found: FakeNamespace | undefined,
  named: FakeNamespace | undefined,
  wanted: NamespaceRequest | undefined,
): NamespaceState {
  if (found === undefined) return named === undefined ? { state: 'absent' } : { state: 'foreign', name: named.name };
  const { name, uid, heldBy, preparedFor, revision } = found;
  const prepared = wanted !== undefined && isDeepStrictEqual(preparedFor, preparation(wanted));
  return found.terminating
    ? { state: 'terminating', name, uid, heldBy }
    : { state: 'active', name, uid, prepared, revision };
}

/** What the policies in a namespace depend on. */
function preparation({ repository: { owner, name }, trust }: NamespaceRequest) {
  return { repository: `${owner}/${name}`, trust };
}

function releaseState({ helm, record, damaged }: FakeNamespace): ReleaseState {
  const newest = helm.at(-1);
  if (newest?.status.startsWith('pending-') || newest?.status === 'uninstalling') return { state: 'pending' };
  const known = record !== undefined && record.version >= (newest?.version ?? 0) ? record : undefined;
  if (known?.outcome.state === 'failed') {
    return { state: 'failed', planDigest: known.planDigest, diagnosis: known.outcome.diagnosis };
  }
  if (newest?.status === 'deployed') return { state: 'deployed', planDigest: damaged ? undefined : known?.planDigest };
  return newest?.status === 'failed' ? { state: 'interrupted' } : { state: 'absent' };
}

function isDisturbed(namespace: FakeNamespace): boolean {
  const { preparedFor, record, damaged: _, ...rest } = namespace;
  const state = releaseState({ ...rest, preparedFor, record, damaged: false });
  const isOff = state.state !== 'deployed' || state.planDigest !== record?.planDigest;
  return preparedFor === undefined || (record?.outcome.state === 'deployed' && isOff);
}

function newestVersion({ helm }: FakeNamespace): number {
  return helm.at(-1)?.version ?? 0;
}

/** Every answer of a cluster takes a moment, in which others get their turn. */
async function answer(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await Promise.resolve();
  signal.throwIfAborted();
}
