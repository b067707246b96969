import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ApiRequest } from '../../src/adapters/kubernetes/api.ts';
import { apiStatusOf } from '../../src/adapters/kubernetes/api-error.ts';
import { kubernetesCluster } from '../../src/adapters/kubernetes/cluster.ts';
import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import { policyObjects } from '../../src/adapters/kubernetes/policy-objects.ts';
import { defaultKubernetesOptions, type KubernetesOptions } from '../../src/adapters/kubernetes/options.ts';
import type { NamespaceRequest } from '../../src/ports.ts';
import { faultyPreview, stackAccess, type TestPreview, testPreview } from './kubernetes-stack.ts';
import { secretSource } from './secret-source.ts';

const { signal } = new AbortController();
const merge = 'application/merge-patch+json';

function request({ key, name }: TestPreview, trust: NamespaceRequest['trust'] = 'trusted'): NamespaceRequest {
  const repository = { id: key.repositoryId, owner: 'acme', name: 'shop', cloneUrl: 'https://example.com/a/b' };
  return { key, name, repository, trust };
}

async function isPrepared(preview: TestPreview, wanted = request(preview)): Promise<boolean> {
  const { namespace } = await preview.cluster.observe(preview.key, preview.name, wanted, signal);
  return namespace.state === 'active' && namespace.prepared;
}

describe('Kubernetes: what confines a preview', { timeout: 120_000 }, () => {
  it('E10 is there before anybody may do anything in the namespace', async () => {
    await using source = await secretSource();
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    await using stage = await faultyPreview({ secrets: source.options });
    await stage.cluster.prepareNamespace(request(stage.preview), signal);
    const writes = stage.proxy.requests
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path }) => `${method} ${path.replace(stage.preview.name, '*').split('/').slice(-2).join('/')}`);
    const [first, ...rest] = writes;
    assert.equal(first, 'POST v1/namespaces');
    assert.deepEqual(rest.slice(0, 4).toSorted(), [
      'PATCH limitranges/berth',
      'PATCH networkpolicies/berth',
      'PATCH resourcequotas/berth',
      'PATCH serviceaccounts/default',
    ]);
    assert.deepEqual(
      [rest[4], new Set(rest.slice(5))],
      ['PATCH rolebindings/berth-deployer', new Set(['PATCH secrets/database'])],
    );
  });

  it('E10 counts as soon as the namespace is prepared: until then the cluster refuses whatever the quota limits', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    const quota = await preview.api.json<{ spec: { hard: object }; status?: { used?: object } }>(
      { path: `${corePath(preview.name, 'resourcequotas')}/berth` },
      signal,
    );
    assert.deepEqual(Object.keys(quota.status?.used ?? {}).toSorted(), Object.keys(quota.spec.hard).toSorted());
  });

  it('E11 names the Pod Security level and the trust on the namespace', async () => {
    await using preview = await testPreview();
    const api = preview.api;
    await preview.cluster.prepareNamespace(request(preview, 'untrusted'), signal);
    const { metadata } = await api.json<{ metadata: { labels: Record<string, string>; managedFields?: object[] } }>(
      { path: namespacePath(preview.name) },
      signal,
    );
    assert.equal(metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted');
    assert.equal(metadata.labels['berth.dev/trust'], 'untrusted');
  });

  describe('when somebody changes it', () => {
    let preview: TestPreview;
    beforeEach(async () => {
      preview = await testPreview();
      await preview.prepare();
    });
    afterEach(() => preview[Symbol.asyncDispose]());

    const pathOf = (kind: string) => {
      const found = policyObjects(preview.name, defaultKubernetesOptions, 'trusted').find(
        ({ body }) => body.kind === kind,
      );
      assert(found);
      return found.path;
    };
    const patch = (path: string, body: object): ApiRequest => ({ method: 'PATCH', path, contentType: merge, body });
    const changes: readonly { readonly what: string; requests(): readonly ApiRequest[] }[] = [
      { what: 'a raised quota', requests: () => [patch(pathOf('ResourceQuota'), { spec: { hard: { pods: '900' } } })] },
      {
        what: 'a quota without load balancers in it',
        requests: () => [patch(pathOf('ResourceQuota'), { spec: { hard: { 'services.loadbalancers': null } } })],
      },
      {
        what: 'a quota that counts nothing that matters',
        requests: () => [
          { method: 'DELETE', path: pathOf('ResourceQuota') },
          {
            method: 'POST',
            path: corePath(preview.name, 'resourcequotas'),
            body: { metadata: { name: 'berth' }, spec: { hard: { pods: '900' }, scopes: ['Terminating'] } },
          },
        ],
      },
      { what: 'a quota that is gone', requests: () => [{ method: 'DELETE', path: pathOf('ResourceQuota') }] },
      { what: 'limits that are gone', requests: () => [{ method: 'DELETE', path: pathOf('LimitRange') }] },
      {
        what: 'limits without a maximum',
        requests: () => [
          patch(pathOf('LimitRange'), { spec: { limits: [{ type: 'Container', default: { cpu: '9' } }] } }),
        ],
      },
      {
        what: 'a policy that lets everybody in',
        requests: () => [patch(pathOf('NetworkPolicy'), { spec: { ingress: [{}] } })],
      },
      {
        what: 'a policy for no pod',
        requests: () => [patch(pathOf('NetworkPolicy'), { spec: { podSelector: { matchLabels: { a: 'b' } } } })],
      },
      {
        what: 'a policy for one direction only',
        requests: () => [patch(pathOf('NetworkPolicy'), { spec: { policyTypes: ['Ingress'] } })],
      },
      {
        what: 'a default account with a token',
        requests: () => [patch(pathOf('ServiceAccount'), { automountServiceAccountToken: true })],
      },
      {
        what: 'somebody else with the rights of the deployer',
        requests: () => [
          patch(pathOf('RoleBinding'), {
            subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: preview.name }],
          }),
        ],
      },
      {
        what: 'a deployer with another role',
        requests: () => [
          { method: 'DELETE', path: pathOf('RoleBinding') },
          {
            method: 'POST',
            path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${preview.name}/rolebindings`,
            body: {
              metadata: { name: 'berth-deployer' },
              roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
              subjects: [{ kind: 'ServiceAccount', name: 'berth-deployer', namespace: preview.name }],
            },
          },
        ],
      },
      {
        what: 'a namespace that admits privileged pods',
        requests: () => [
          patch(namespacePath(preview.name), {
            metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
          }),
        ],
      },
      {
        what: 'a namespace that goes by rules of long ago',
        requests: () => [
          patch(namespacePath(preview.name), {
            metadata: { labels: { 'pod-security.kubernetes.io/enforce-version': 'v1.0' } },
          }),
        ],
      },
    ];
    for (const { what, requests } of changes) {
      it(`E10 notices and repairs ${what}`, async () => {
        assert.equal(await isPrepared(preview), true);
        for (const change of requests()) await preview.api.json(change, signal);
        assert.equal(await isPrepared(preview), false);
        await preview.prepare();
        assert.equal(await isPrepared(preview), true);
      });
    }

    it('does not mind what others write beside it', async () => {
      const note = { metadata: { labels: { 'example.com/team': 'a' }, annotations: { 'example.com/note': 'b' } } };
      for (const { path } of policyObjects(preview.name, defaultKubernetesOptions, 'trusted')) {
        await preview.api.json(patch(path, note), signal);
      }
      assert.equal(await isPrepared(preview), true);
    });

    it("repairs nothing of a namespace that is not this preview's", async () => {
      const key = { ...preview.key, number: preview.key.number + 1_000 };
      const theirs = { ...request(preview), key };
      await preview.api.json({ method: 'DELETE', path: pathOf('LimitRange') }, signal);
      await assert.rejects(preview.cluster.prepareNamespace(theirs, signal));
      await assert.rejects(
        preview.api.json({ path: pathOf('LimitRange') }, signal),
        (error) => apiStatusOf(error) === 404,
      );
    });
  });

  it('follows what the operator configures, in namespaces that exist', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    const quota = { trusted: { pods: '0.005k', 'requests.cpu': '1500m' }, untrusted: {} };
    const changed: Partial<KubernetesOptions> = { quota, podSecurity: 'baseline', deployerRole: 'view' };
    const later = kubernetesCluster(stackAccess(), { instance: preview.instance, ...changed });
    try {
      const after = { ...preview, cluster: later };
      assert.equal(await isPrepared(after), false);
      await later.prepareNamespace(request(preview), signal);
      assert.equal(await isPrepared(after), true);
      assert.equal(await isPrepared(preview), false);
    } finally {
      await later.close();
    }
  });
});
