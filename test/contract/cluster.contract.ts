import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiagnosedError, FencedError } from '../../src/domain/errors.ts';
import type { NamespaceState, PreviewKey, WorkloadState } from '../../src/domain/preview.ts';
import type { FenceState, Cluster, ClusterState, NamespaceRequest } from '../../src/ports.ts';

export interface ClusterSubject extends AsyncDisposable {
  readonly cluster: Cluster;
  /** A preview that nobody else uses. */
  readonly key: PreviewKey;
  readonly name: string;
  /** A namespace of that name, made by somebody else. */
  addForeign(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** Puts something into the namespace that keeps it from going. */
  hold(name: string): Promise<void>;
  letGo(name: string): Promise<void>;
  /** Words by which the state of a held namespace must name what holds it. */
  readonly heldBy: RegExp;
  /** Starts a workload that becomes ready. */
  startWorkload(name: string): Promise<void>;
  /** Loosens what confines the preview, as a person with rights to may. */
  loosen(name: string): Promise<void>;
  /** Deletes it, as a person would. */
  removeWorkload(name: string): Promise<void>;
  /** Leaves a release as Helm does. */
  /** Removes what Helm has left of a version, as `helm uninstall` does. */
  forgetHelm(name: string, version: number): Promise<void>;
  markHelm(name: string, version: number, status: 'deployed' | 'failed' | 'pending-install'): Promise<void>;
}

const revision = 'c'.repeat(40);
const routes = [{ name: 'web', service: 'web', port: 80, host: 'pr-1', url: 'https://pr-1.example.com' }];
const images = [`sha256:${'a'.repeat(64)}`];
const diagnosis = {
  reason: 'ChartInvalid',
  message: 'The chart cannot be rendered.',
  log: ['line 1', 'line 2'],
  places: [{ path: 'chart/a.yaml', line: 3, column: 1, message: 'no' }],
} as const;

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export function describeClusterContract(name: string, makeSubject: () => Promise<ClusterSubject>): void {
  describe(`Cluster: ${name}`, { timeout: 300_000 }, () => {
    const { signal } = new AbortController();
    let subject: ClusterSubject;
    beforeEach(async () => {
      subject = await makeSubject();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    function request(key = subject.key): NamespaceRequest {
      const cloneUrl = 'https://example.com/acme/shop';
      const repository = { id: key.repositoryId, owner: 'acme', name: 'shop', cloneUrl };
      return { key, name: subject.name, repository, trust: 'trusted' };
    }

    const observe = (wanted = request()): Promise<ClusterState> =>
      subject.cluster.observe(subject.key, subject.name, wanted, signal);

    const prepare = async (key = subject.key): Promise<void> =>
      await subject.cluster.prepareNamespace(request(key), signal);

    async function active(): Promise<Extract<NamespaceState, { state: 'active' }>> {
      const { namespace } = await observe();
      assert(namespace.state === 'active', `the namespace is ${namespace.state}`);
      return namespace;
    }

    async function fence(): Promise<FenceState> {
      const { uid } = await active();
      return { name: subject.name, uid, number: 1 };
    }

    async function deleteAndWait(): Promise<void> {
      const { uid } = await active();
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      await subject.cluster.namespaceGone(subject.name, uid, signal);
    }

    it('sees nothing where nothing is', async () => {
      const absent: ClusterState = {
        namespace: { state: 'absent' },
        release: { state: 'absent' },
        hasDeleteHooks: false,
        workloads: { state: 'none' },
      };
      assert.deepEqual(await observe(), absent);
    });

    it('prepares a namespace once, and finds it by its key whatever name is asked for', async () => {
      await prepare();
      const first = await active();
      assert.deepEqual(first, { ...first, name: subject.name, prepared: true, revision: undefined });
      await prepare();
      assert.deepEqual(await active(), first);
      const renamed = await subject.cluster.observe(subject.key, `${subject.name}-renamed`, request(), signal);
      assert.deepEqual(renamed.namespace, first);
      const listed = await subject.cluster.previews(signal);
      assert.deepEqual(
        listed.filter(({ uid }) => uid === first.uid),
        [
          {
            key: subject.key,
            name: subject.name,
            uid: first.uid,
            terminating: false,
            revision: undefined,
            routes: [],
            images: [],
          },
        ],
      );
    });

    it('knows whether a namespace is prepared for this trust, and for nobody who does not ask', async () => {
      await prepare();
      const prepared = async (wanted: NamespaceRequest | undefined) => {
        const { namespace } = await subject.cluster.observe(subject.key, subject.name, wanted, signal);
        return namespace.state === 'active' && namespace.prepared;
      };
      assert.equal(await prepared(request()), true);
      assert.equal(await prepared(undefined), false);
      const untrusted = { ...request(), trust: 'untrusted' } as const;
      assert.equal(await prepared(untrusted), false);
      await subject.cluster.prepareNamespace(untrusted, signal);
      assert.equal(await prepared(untrusted), true);
      assert.equal(await prepared(request()), false);
    });

    it('E10 notices that somebody has loosened what confines the preview, and takes it back', async () => {
      await prepare();
      const { uid } = await active();
      await subject.loosen(subject.name);
      assert.equal((await active()).prepared, false);
      await prepare();
      assert.deepEqual(await active(), { ...(await active()), uid, prepared: true });
    });

    it('E10 lists the namespace among those that somebody has loosened, until it is as it was', async () => {
      await prepare();
      const { uid } = await active();
      const isListed = async () => (await subject.cluster.disturbed(signal)).has(uid);
      assert.equal(await isListed(), false);
      await subject.loosen(subject.name);
      assert.equal(await isListed(), true);
      await prepare();
      assert.equal(await isListed(), false);
      await subject.hold(subject.name);
      await subject.loosen(subject.name);
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      assert.equal(await isListed(), false);
    });

    it('G2 lists the namespace among those whose release is not the one that was deployed', async () => {
      await prepare();
      const { uid } = await active();
      const isListed = async () => (await subject.cluster.disturbed(signal)).has(uid);
      await subject.markHelm(subject.name, 1, 'deployed');
      assert.equal(await isListed(), false);
      const outcome = { state: 'deployed', routes, hasDeleteHooks: false, images } as const;
      const record = { version: 1, planDigest: 'plan', revision, outcome };
      await subject.cluster.recordRelease(await fence(), record, signal);
      assert.equal(await isListed(), false);
      await subject.forgetHelm(subject.name, 1);
      assert.equal(await isListed(), true);
      await subject.markHelm(subject.name, 2, 'deployed');
      assert.equal(await isListed(), true);
    });

    it('G3 waits for a terminating namespace to go before it makes the next one', async () => {
      await prepare();
      const { uid } = await active();
      await subject.hold(subject.name);
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      assert.equal((await observe()).namespace.state, 'terminating');
      await assert.rejects(prepare(), (error) => error instanceof Error && !(error instanceof DiagnosedError));
      await subject.letGo(subject.name);
      await subject.cluster.namespaceGone(subject.name, uid, signal);
      await prepare();
      assert.notEqual((await active()).uid, uid);
    });

    it('G4 names what holds a namespace that does not go', async () => {
      await prepare();
      const { uid } = await active();
      await subject.hold(subject.name);
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      let state: NamespaceState;
      do {
        state = (await observe()).namespace;
        assert(state.state === 'terminating');
        await new Promise((resolve) => setTimeout(resolve, 100));
      } while (state.heldBy === undefined);
      assert.match(state.heldBy, subject.heldBy);
    });

    it('G5 never touches a namespace of the same name that is not ours', async () => {
      await subject.addForeign(subject.name);
      assert.deepEqual((await observe()).namespace, { state: 'foreign', name: subject.name });
      await assert.rejects(
        prepare(),
        (error) => error instanceof DiagnosedError && error.diagnosis.reason === 'NamespaceTaken',
      );
      const theirs = { name: subject.name, uid: 'theirs', number: 0 };
      await assert.rejects(subject.cluster.recordRevision(theirs, revision, signal));
      assert(await subject.exists(subject.name));
      assert(!(await subject.cluster.previews(signal)).some((preview) => preview.name === subject.name));
    });

    it("G5 never touches another preview's namespace", async () => {
      await prepare();
      const other = { ...subject.key, number: subject.key.number + 1 };
      await assert.rejects(
        prepare(other),
        (error) => error instanceof DiagnosedError && error.diagnosis.reason === 'NamespaceTaken',
      );
    });

    it('G6 does not delete a namespace that was recreated with a new UID', async () => {
      await prepare();
      const { uid: oldUid } = await active();
      await deleteAndWait();
      await prepare();
      await subject.cluster.deleteNamespace(subject.name, oldUid, signal);
      assert.notEqual((await active()).uid, oldUid);
      const oldFence = { name: subject.name, uid: oldUid, number: 1 };
      await assert.rejects(subject.cluster.raiseFence(oldFence, signal), FencedError);
      await assert.rejects(subject.cluster.checkFence(oldFence, signal), FencedError);
      // The old one is gone, whatever has its name now.
      await subject.cluster.namespaceGone(subject.name, oldUid, signal);
    });

    it('deletes a namespace that is gone already', async () => {
      await prepare();
      const { uid } = await active();
      await deleteAndWait();
      assert.equal((await observe()).namespace.state, 'absent');
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      await subject.cluster.namespaceGone(subject.name, uid, signal);
    });

    it('F2 lets exactly one of several writers through the fence', async () => {
      const { cluster, key, name } = subject;
      assert.equal(await cluster.fence(key, signal), undefined);
      await prepare();
      const { uid } = await active();
      const first = { name, uid, number: 1 };
      assert.deepEqual(await cluster.fence(key, signal), first);
      await cluster.checkFence(first, signal);
      const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => cluster.raiseFence(first, signal)));
      const raised = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.deepEqual(raised, [{ name, uid, number: 2 }]);
      for (const result of results) assert.ok(result.status === 'fulfilled' || result.reason instanceof FencedError);
      assert.deepEqual(await cluster.fence(key, signal), raised[0]);
      await assert.rejects(cluster.checkFence(first, signal), FencedError);
      await cluster.checkFence({ name, uid, number: 2 }, signal);
    });

    it('F2 takes no word of a writer that has lost', async () => {
      const { cluster } = subject;
      await prepare();
      const lost = await fence();
      const held = await cluster.raiseFence(lost, signal);
      const outcome = { state: 'failed', diagnosis } as const;
      const record = { version: undefined, planDigest: 'bad', revision, outcome };
      await assert.rejects(cluster.recordRelease(lost, record, signal), FencedError);
      await assert.rejects(cluster.recordRevision(lost, revision, signal), FencedError);
      assert.equal((await active()).revision, undefined);
      assert.deepEqual((await observe()).release, { state: 'absent' });
      await cluster.recordRevision(held, revision, signal);
      assert.equal((await active()).revision, revision);
    });

    it('has no fence for a namespace that is being removed', async () => {
      const { cluster, key, name } = subject;
      await prepare();
      await subject.hold(name);
      const { uid } = await active();
      await cluster.deleteNamespace(name, uid, signal);
      assert.equal(await cluster.fence(key, signal), undefined);
    });

    it('remembers what a release has done', async () => {
      await prepare();
      await subject.markHelm(subject.name, 1, 'deployed');
      const planDigest = 'plan-1';
      const deployed = { state: 'deployed', routes, hasDeleteHooks: true, images } as const;
      await subject.cluster.recordRelease(
        await fence(),
        { version: 1, planDigest, revision, outcome: deployed },
        signal,
      );
      await subject.cluster.recordRevision(await fence(), revision, signal);
      const state = await observe();
      assert.deepEqual(state.release, { state: 'deployed', planDigest });
      assert.equal(state.hasDeleteHooks, true);
      assert.equal(state.namespace.state === 'active' && state.namespace.revision, revision);
      const preview = (await subject.cluster.previews(signal)).find(({ name }) => name === subject.name);
      assert.deepEqual([preview?.revision, preview?.routes, preview?.images], [revision, routes, images]);
    });

    it('keeps the last good routes and images when the next release fails', async () => {
      await prepare();
      await subject.markHelm(subject.name, 1, 'deployed');
      const deployed = { state: 'deployed', routes, hasDeleteHooks: true, images } as const;
      await subject.cluster.recordRelease(
        await fence(),
        { version: 1, planDigest: 'good', revision, outcome: deployed },
        signal,
      );
      const failed = { state: 'failed', diagnosis } as const;
      await subject.cluster.recordRelease(
        await fence(),
        { version: undefined, planDigest: 'bad', revision: 'd'.repeat(40), outcome: failed },
        signal,
      );
      const state = await observe();
      assert.deepEqual(state.release, { state: 'failed', planDigest: 'bad', diagnosis });
      assert.equal(state.hasDeleteHooks, true);
      const preview = (await subject.cluster.previews(signal)).find(({ name }) => name === subject.name);
      assert.deepEqual([preview?.routes, preview?.images], [routes, images]);
    });

    it('remembers a failure of which Helm left nothing', async () => {
      await prepare();
      const outcome = { state: 'failed', diagnosis } as const;
      await subject.cluster.recordRelease(
        await fence(),
        { version: undefined, planDigest: 'bad', revision, outcome },
        signal,
      );
      assert.deepEqual((await observe()).release, { state: 'failed', planDigest: 'bad', diagnosis });
      await subject.markHelm(subject.name, 1, 'deployed');
      assert.deepEqual((await observe()).release, { state: 'deployed', planDigest: undefined });
    });

    it('G1 sees a release that a killed Helm left behind', async () => {
      await prepare();
      await subject.markHelm(subject.name, 1, 'pending-install');
      assert.deepEqual((await observe()).release, { state: 'pending' });
    });

    it('G2 sees that a release was changed outside', async () => {
      await prepare();
      await subject.markHelm(subject.name, 1, 'deployed');
      const outcome = { state: 'deployed', routes, hasDeleteHooks: false, images: [] } as const;
      const record = { version: 1, planDigest: 'plan', revision, outcome };
      await subject.cluster.recordRelease(await fence(), record, signal);
      await subject.markHelm(subject.name, 2, 'deployed');
      assert.deepEqual((await observe()).release, { state: 'deployed', planDigest: undefined });
      await subject.markHelm(subject.name, 3, 'failed');
      assert.deepEqual((await observe()).release, { state: 'interrupted' });
    });

    it('G2 sees that something of a release was deleted outside', async () => {
      await prepare();
      await subject.startWorkload(subject.name);
      await subject.markHelm(subject.name, 1, 'deployed');
      const outcome = { state: 'deployed', routes, hasDeleteHooks: false, images: [] } as const;
      const record = { version: 1, planDigest: 'plan', revision, outcome };
      await subject.cluster.recordRelease(await fence(), record, signal);
      assert.deepEqual((await observe()).release, { state: 'deployed', planDigest: 'plan' });
      await subject.removeWorkload(subject.name);
      assert.deepEqual((await observe()).release, { state: 'deployed', planDigest: undefined });
    });

    it('follows workloads until they are ready', async () => {
      await prepare();
      await subject.startWorkload(subject.name);
      const seen: WorkloadState[] = [];
      for await (const state of subject.cluster.watchWorkloads(subject.name, signal)) {
        assert.notDeepEqual(state, seen.at(-1));
        seen.push(state);
        if (state.state === 'ready') break;
      }
      assert.deepEqual((await observe()).workloads, { state: 'ready' });
    });

    it('ends following when the namespace is gone', async () => {
      await prepare();
      const { uid } = await active();
      const watching = collect(subject.cluster.watchWorkloads(subject.name, signal));
      await subject.cluster.deleteNamespace(subject.name, uid, signal);
      await subject.cluster.namespaceGone(subject.name, uid, signal);
      assert.deepEqual((await watching).at(0) ?? { state: 'none' }, { state: 'none' });
    });

    it('stops at once when asked', async () => {
      await prepare();
      const { uid } = await active();
      const reason = new Error('newer');
      const stopped = AbortSignal.abort(reason);
      const { cluster, key } = subject;
      await assert.rejects(cluster.observe(key, subject.name, undefined, stopped), reason);
      await assert.rejects(cluster.raiseFence({ name: subject.name, uid, number: 1 }, stopped), reason);
      await assert.rejects(collect(cluster.watchWorkloads(subject.name, stopped)), reason);
      const stop = new AbortController();
      const waits = Promise.allSettled([
        cluster.namespaceGone(subject.name, uid, stop.signal),
        collect(cluster.watchWorkloads(subject.name, stop.signal)),
      ]);
      await observe();
      stop.abort(reason);
      assert.deepEqual(
        (await waits).map((result) => result.status === 'rejected' && result.reason),
        [reason, reason],
      );
    });
  });
}
