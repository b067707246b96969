/** Namespaces that come, go and stay on a real cluster, and the races in between. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import type { KubernetesObject, Namespace } from '../../src/adapters/kubernetes/objects.ts';
import { DiagnosedError, FencedError } from '../../src/domain/errors.ts';
import { faultyPreview, image, restricted, type TestPreview, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const revision = 'c'.repeat(40);
const outcome = { state: 'deployed', routes: [], hasDeleteHooks: false, images: [] } as const;
const record = { version: 1, planDigest: 'p', revision, outcome };

async function podNames({ api, name }: TestPreview): Promise<readonly string[]> {
  const { items } = await api.list<KubernetesObject>({ path: corePath(name, 'pods') }, signal);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name);
}

/** Never scheduled, so that it ends as soon as it is deleted. */
async function createPod({ create, name }: TestPreview, pod: string): Promise<void> {
  const containers = [{ name: 'web', image, ...restricted.container }];
  const spec = { nodeSelector: { 'example.com/no': 'node' }, ...restricted.pod, containers };
  await create(corePath(name, 'pods'), { metadata: { name: pod }, spec });
}

describe('Kubernetes: removal', { timeout: 120_000, concurrency: 2 }, () => {
  for (const [what, match] of [
    ['the namespace is deleted', { method: 'DELETE', path: /^\/api\/v1\/namespaces\/[^/]+$/ }],
    ['its pods are listed', { method: 'GET', path: /\/pods$/ }],
    ['its pods are deleted', { method: 'DELETE', path: /\/pods/ }],
  ] as const) {
    it(`G6 leaves a namespace of a new UID and its pods alone, when it comes just before ${what}`, async () => {
      // A request is held for as long as a namespace takes to go.
      await using stage = await faultyPreview({ requestTimeoutMs: 60_000 });
      const { preview, proxy, cluster } = stage;
      await preview.prepare();
      await createPod(preview, 'old');
      const uid = await preview.uid();
      const replaced = Promise.withResolvers<void>();
      proxy.fault(match, { do: 'hold', until: replaced.promise }, 1);
      const isHeld = proxy.next(match);
      const deleting = cluster.deleteNamespace(preview.name, uid, signal);
      await isHeld;
      await preview.cluster.deleteNamespace(preview.name, uid, signal);
      await preview.cluster.namespaceGone(preview.name, uid, signal);
      await preview.prepare();
      await createPod(preview, 'new');
      replaced.resolve();
      await deleting;
      assert.notEqual(await preview.uid(), uid);
      assert.deepEqual(await podNames(preview), ['new']);
    });
  }

  it('G4 names the finalizer that holds a namespace, leaves it alone, and goes on when it is let go', async () => {
    await using preview = await testPreview();
    const { api, cluster, key, name } = preview;
    await preview.prepare();
    const uid = await preview.uid();
    const path = `${corePath(name, 'configmaps')}/held`;
    const finalizers = ['example.com/hold'];
    await preview.create(corePath(name, 'configmaps'), { metadata: { name: 'held', finalizers } });
    await cluster.deleteNamespace(name, uid, signal);
    const gone = cluster.namespaceGone(name, uid, signal);
    try {
      let heldBy: string | undefined;
      while (heldBy === undefined) {
        const { namespace } = await cluster.observe(key, name, undefined, signal);
        assert(namespace.state === 'terminating');
        heldBy = namespace.heldBy;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.match(heldBy, /example\.com\/hold.*configmaps/);
      // Deleting again does not help, and does not hurt.
      await cluster.deleteNamespace(name, uid, signal);
      assert.deepEqual((await api.json<{ metadata: object }>({ path }, signal)).metadata, {
        ...(await api.json<{ metadata: object }>({ path }, signal)).metadata,
        finalizers,
      });
    } finally {
      const contentType = 'application/merge-patch+json';
      await api.json({ method: 'PATCH', path, contentType, body: { metadata: { finalizers: null } } }, signal);
    }
    await gone;
    assert.equal((await cluster.observe(key, name, undefined, signal)).namespace.state, 'absent');
  });

  it('G5 leaves a namespace of the same name that is not ours as it is, whatever is asked for', async () => {
    await using preview = await testPreview();
    const { api, cluster, key, name } = preview;
    await preview.create('/api/v1/namespaces', { metadata: { name, labels: { team: 'payments' } } });
    await createPod(preview, 'theirs');
    const before = await api.json<Namespace>({ path: namespacePath(name) }, signal);
    const { uid } = before.metadata;
    const fence = { name, uid, number: 0 };
    const isTaken = (error: unknown) => error instanceof DiagnosedError && error.diagnosis.reason === 'NamespaceTaken';
    await assert.rejects(preview.prepare(), isTaken);
    const refused = (error: unknown) => !(error instanceof DiagnosedError || error instanceof FencedError);
    await assert.rejects(cluster.recordRelease(fence, record, signal), refused);
    await assert.rejects(cluster.recordRevision(fence, revision, signal), refused);
    await assert.rejects(cluster.raiseFence(fence, signal), refused);
    await assert.rejects(cluster.checkFence(fence, signal), refused);
    await assert.rejects(cluster.deleteNamespace(name, uid, signal), refused);
    assert.equal(await cluster.fence(key, signal), undefined);
    assert.deepEqual((await cluster.observe(key, name, undefined, signal)).namespace, { state: 'foreign', name });
    const after = await api.json<Namespace>({ path: namespacePath(name) }, signal);
    assert.equal(after.metadata.resourceVersion, before.metadata.resourceVersion);
    assert.deepEqual(await podNames(preview), ['theirs']);
    const policies = `/apis/networking.k8s.io/v1/namespaces/${name}/networkpolicies`;
    assert.deepEqual((await api.list({ path: policies }, signal)).items, []);
  });
});
