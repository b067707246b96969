/**
 * What the API server itself denies the deployer, whatever a chart holds: the gate, which refuses most of this sooner, is left
 * out here.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiRequest } from '../../src/adapters/kubernetes/api.ts';
import { ApiError, apiStatusOf } from '../../src/adapters/kubernetes/api-error.ts';
import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import { deployerOf } from '../../src/adapters/kubernetes/deployer.ts';
import type { KubernetesObject, Secret } from '../../src/adapters/kubernetes/objects.ts';
import { run } from '../../src/process.ts';
import { localStack } from '../local-stack.ts';
import { type ChartContent, chartFolder, goodTemplates, hook } from './charts.ts';
import { image, restricted, type TestPreview, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const rbac = 'rbac.authorization.k8s.io';
const networking = 'networking.k8s.io';
const json = 'application/merge-patch+json';
const allowAll = { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] };

describe("the deployer's role", { timeout: 300_000 }, () => {
  let preview: TestPreview;
  let other: TestPreview;
  before(async () => {
    preview = await testPreview();
    other = await testPreview();
    await Promise.all([preview.prepare(), other.prepare()]);
    const secret = { metadata: { name: 'theirs' }, stringData: { password: 'correct horse' } };
    await other.create(corePath(other.name, 'secrets'), secret);
    const spec = { ...restricted.pod, containers: [{ name: 'web', image, ...restricted.container }] };
    const pod = { metadata: { name: 'idle' }, spec };
    await preview.create(corePath(preview.name, 'pods'), pod);
    // The cluster takes a moment to know of a binding.
    await allowed({ path: corePath(preview.name, 'configmaps') });
  });
  after(async () => {
    await preview?.[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  });

  const asDeployer = async (request: ApiRequest): Promise<unknown> =>
    await preview.api.json({ ...request, asUser: deployerOf(preview.name) }, signal);

  async function allowed(request: ApiRequest): Promise<void> {
    for (let nth = 0; ; nth += 1) {
      try {
        await asDeployer(request);
        return;
      } catch (error) {
        if (apiStatusOf(error) !== 403 || nth === 50) throw error;
        await delay(100);
      }
    }
  }

  /** Nothing is made by what is not denied. */
  const denied = async (request: ApiRequest) =>
    await assert.rejects(asDeployer({ query: { dryRun: 'All' }, ...request }), (error) => {
      assert(error instanceof ApiError, String(error));
      assert.equal(error.status, 403, error.message);
      return true;
    });

  const own = (plural: string, group?: string) =>
    group === undefined ? corePath(preview.name, plural) : groupPath(group, preview.name, plural);
  const metadata = { name: 'x' };

  /** `name`, and the requests that must be denied. */
  const rows: readonly { readonly name: string; requests(): readonly ApiRequest[] }[] = [
    {
      name: 'E9 denies objects of the cluster',
      requests: () => [
        { method: 'POST', path: `/apis/${rbac}/v1/clusterroles`, body: { metadata, rules: [] } },
        { method: 'POST', path: `/apis/${rbac}/v1/clusterrolebindings`, body: clusterAdmin(preview.name) },
        { path: `/apis/${rbac}/v1/clusterroles` },
        { method: 'POST', path: '/api/v1/namespaces', body: { metadata } },
        { path: '/api/v1/namespaces' },
        { path: namespacePath(preview.name) },
        {
          method: 'PATCH',
          path: namespacePath(preview.name),
          contentType: json,
          body: { metadata: { labels: { a: 'b' } } },
        },
        { method: 'DELETE', path: namespacePath(preview.name) },
        { path: '/api/v1/nodes' },
        { path: '/api/v1/persistentvolumes' },
        { method: 'POST', path: '/api/v1/persistentvolumes', body: { metadata } },
        {
          method: 'POST',
          path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
          body: { metadata },
        },
        { method: 'POST', path: '/apis/scheduling.k8s.io/v1/priorityclasses', body: { metadata, value: 1 } },
        { method: 'POST', path: '/apis/storage.k8s.io/v1/storageclasses', body: { metadata, provisioner: 'x' } },
        { method: 'POST', path: `/apis/${networking}/v1/ingressclasses`, body: { metadata } },
      ],
    },
    {
      name: 'E9 denies definitions of custom resources',
      requests: () => [
        { method: 'POST', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: { metadata } },
        { path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions' },
      ],
    },
    {
      name: "E9 denies other namespaces, another preview's too",
      requests: () =>
        [other.name, 'default', 'kube-system'].flatMap((namespace) => [
          { path: corePath(namespace, 'secrets') },
          { path: `${corePath(namespace, 'secrets')}/theirs` },
          { path: corePath(namespace, 'pods') },
          { path: corePath(namespace, 'configmaps') },
          { method: 'POST', path: corePath(namespace, 'configmaps'), body: { metadata } },
          { method: 'POST', path: groupPath('apps', namespace, 'deployments'), body: { metadata } },
          { method: 'DELETE', path: `${groupPath(networking, namespace, 'networkpolicies')}/berth` },
        ]),
    },
    {
      name: 'E9 denies Secrets of everybody',
      requests: () => [{ path: '/api/v1/secrets' }, { path: '/api/v1/configmaps' }, { path: '/api/v1/pods' }],
    },
    {
      name: 'E10 denies network policies',
      requests: () => [
        { method: 'POST', path: own('networkpolicies', networking), body: { metadata, spec: allowAll } },
        {
          method: 'PATCH',
          path: `${own('networkpolicies', networking)}/berth`,
          contentType: json,
          body: { spec: allowAll },
        },
        { method: 'DELETE', path: `${own('networkpolicies', networking)}/berth` },
        { method: 'DELETE', path: own('networkpolicies', networking) },
      ],
    },
    {
      name: 'E10 denies quotas and limits',
      requests: () =>
        ['resourcequotas', 'limitranges'].flatMap((plural) => [
          { method: 'POST', path: own(plural), body: { metadata, spec: { hard: {}, limits: [] } } },
          { method: 'PATCH', path: `${own(plural)}/berth`, contentType: json, body: { spec: null } },
          { method: 'PATCH', path: `${own(plural)}/berth/status`, contentType: json, body: { status: null } },
          { method: 'DELETE', path: `${own(plural)}/berth` },
        ]),
    },
    {
      name: 'E10 denies roles and bindings',
      requests: () =>
        ['roles', 'rolebindings'].flatMap((plural) => [
          { method: 'POST', path: own(plural, rbac), body: { ...clusterAdmin(preview.name), rules: [] } },
          { path: own(plural, rbac) },
          { method: 'DELETE', path: `${own(plural, rbac)}/berth-deployer` },
        ]),
    },
    {
      name: 'E10 denies tokens of service accounts',
      requests: () => [
        { method: 'POST', path: `${own('serviceaccounts')}/default/token`, body: { spec: {} } },
        { method: 'POST', path: `${own('serviceaccounts')}/berth-deployer/token`, body: { spec: {} } },
        { method: 'POST', path: '/api/v1/namespaces/kube-system/serviceaccounts/default/token', body: { spec: {} } },
        { method: 'POST', path: '/apis/certificates.k8s.io/v1/certificatesigningrequests', body: { metadata } },
      ],
    },
    {
      name: 'E10 denies ways into running pods',
      requests: () => [
        ...['exec', 'attach', 'portforward'].flatMap((way): readonly ApiRequest[] => [
          { method: 'POST', path: `${own('pods')}/idle/${way}`, query: { command: 'sh' } },
          { path: `${own('pods')}/idle/${way}`, query: { command: 'sh' } },
        ]),
        { method: 'PATCH', path: `${own('pods')}/idle/ephemeralcontainers`, contentType: json, body: {} },
        { method: 'POST', path: `${own('pods')}/idle/eviction`, body: { metadata: { name: 'idle' } } },
        { method: 'POST', path: `${own('pods')}/idle/binding`, body: { metadata: { name: 'idle' } } },
        { path: `${own('pods')}/idle/proxy` },
        { path: `${own('services')}/web/proxy` },
        { path: '/api/v1/nodes/x/proxy/' },
      ],
    },
    {
      name: 'E12 denies addresses behind a service',
      requests: () => [
        { method: 'POST', path: own('endpoints'), body: { metadata } },
        { method: 'POST', path: groupPath('discovery.k8s.io', preview.name, 'endpointslices'), body: { metadata } },
      ],
    },
  ];
  for (const { name, requests } of rows) {
    it(name, async () => {
      for (const request of requests()) await denied(request);
    });
  }

  it('E10 denies acting as others', async () => {
    for (const user of [deployerOf(other.name), 'system:serviceaccount:kube-system:default', 'admin']) {
      // Whoever impersonates speaks as one user only: what the deployer may is asked of the API server itself.
      const [, , namespace, name] = user.split(':');
      const attributes =
        namespace === undefined
          ? { verb: 'impersonate', resource: 'users', name: user }
          : { verb: 'impersonate', resource: 'serviceaccounts', namespace, name };
      assert.equal(await may(attributes), false, user);
    }
    assert.equal(await may({ verb: 'create', resource: 'configmaps', namespace: preview.name }), true);
  });

  async function may(resourceAttributes: object): Promise<boolean> {
    const review = await preview.api.json<{ readonly status: { readonly allowed: boolean } }>(
      {
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: { spec: { user: deployerOf(preview.name), resourceAttributes } },
      },
      signal,
    );
    return review.status.allowed;
  }

  /** What the cluster makes of a Secret that asks for an account's token. */
  async function tokenOf(account: string): Promise<string | undefined> {
    const name = `token-of-${account}`;
    const annotations = { 'kubernetes.io/service-account.name': account };
    const type = 'kubernetes.io/service-account-token';
    await asDeployer({ method: 'POST', path: own('secrets'), body: { metadata: { name, annotations }, type } });
    for (;;) {
      const { items } = await preview.api.list<Secret>({ path: own('secrets') }, signal);
      const secret = items.find((item) => item.metadata.name === name);
      if (secret === undefined) return undefined;
      const token = secret.data?.['token'];
      if (token !== undefined) return Buffer.from(token, 'base64').toString();
      await delay(100);
    }
  }

  it('E10 gets no token of the deployer by a Secret: there is no such account', async () => {
    assert.equal(await tokenOf('berth-deployer'), undefined);
  });

  it('E10 gets a token of the default account by a Secret, which may do nothing', async () => {
    const token = await tokenOf('default');
    assert(token !== undefined, 'the cluster has changed its ways: the token need not be tried');
    const { status } = await preview.api.json<{ readonly status: { readonly user: { readonly username: string } } }>(
      { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body: { spec: { token } } },
      signal,
    );
    const user = `system:serviceaccount:${preview.name}:default`;
    assert.equal(status.user.username, user);
    for (const plural of ['secrets', 'configmaps', 'pods', 'serviceaccounts']) {
      await assert.rejects(
        preview.api.json({ path: own(plural), asUser: user }, signal),
        (error) => apiStatusOf(error) === 403,
      );
    }
  });

  it("E10 notices an account of the deployer's name, and removes it", async () => {
    await using it = await testPreview();
    await it.prepare();
    const path = `${corePath(it.name, 'serviceaccounts')}/berth-deployer`;
    const request = {
      key: it.key,
      name: it.name,
      repository: { id: it.key.repositoryId, owner: 'acme', name: 'shop', cloneUrl: '' },
      trust: 'trusted',
    } as const;
    const isPrepared = async () => {
      const { namespace } = await it.cluster.observe(it.key, it.name, request, signal);
      return namespace.state === 'active' && namespace.prepared;
    };
    assert.equal(await isPrepared(), true);
    await it.create(corePath(it.name, 'serviceaccounts'), { metadata: { name: 'berth-deployer' } });
    assert.equal(await isPrepared(), false);
    await it.prepare();
    assert.equal(await isPrepared(), true);
    await assert.rejects(it.api.json({ path }, signal), (error) => apiStatusOf(error) === 404);
  });

  describe('by Helm', () => {
    /** Installs the chart as the deployer, with nothing in between. @returns what Helm said. */
    async function install(content: ChartContent): Promise<{ readonly code: number; readonly said: string }> {
      const { tools, kubeconfig } = localStack();
      const home = await mkdtemp(path.join(tmpdir(), 'berth-deployer-'));
      await using chart = await chartFolder({ 'Chart.yaml': goodTemplates['Chart.yaml'] ?? '', ...content });
      try {
        const args = ['upgrade', '--install', 'denied', chart.path, '--namespace', preview.name, '--server-side=false'];
        const { code, stderr, stdout } = await run(tools.helm, [...args, '--kube-as-user', deployerOf(preview.name)], {
          signal,
          env: { HOME: home, KUBECONFIG: kubeconfig, PATH: process.env['PATH'] ?? '' },
          timeoutMs: 60_000,
          accept: [1],
        });
        return { code, said: `${stderr}\n${stdout}` };
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    }

    const yaml = (object: object) => `${JSON.stringify(object)}\n`;
    const policy = { apiVersion: `${networking}/v1`, kind: 'NetworkPolicy', metadata, spec: allowAll };
    const onInstall = { ...metadata, annotations: { 'helm.sh/hook': 'pre-install,pre-upgrade' } };
    const charts: readonly { readonly name: string; content(): ChartContent; readonly said: RegExp }[] = [
      {
        name: 'E9 denies a ClusterRoleBinding',
        content: () => ({
          'x.yaml': yaml({ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', ...clusterAdmin(preview.name) }),
        }),
        said: /clusterrolebindings.* is forbidden/,
      },
      {
        name: 'E9 denies a definition of custom resources in crds/',
        content: () => ({ 'crds/x.yaml': yaml(customResource) }),
        said: /customresourcedefinitions.* is forbidden/,
      },
      {
        name: "E9 denies something in another preview's namespace",
        content: () => ({
          'x.yaml': yaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, namespace: other.name } }),
        }),
        said: /configmaps.* is forbidden/,
      },
      {
        name: "E9 denies a lookup of another preview's Secrets",
        content: () => ({
          'x.yaml': `{{ $it := lookup "v1" "Secret" "${other.name}" "theirs" }}
apiVersion: v1
kind: ConfigMap
metadata: { name: seen }
data: { password: "{{ $it.data.password }}" }
`,
        }),
        said: /secrets "theirs" is forbidden/,
      },
      {
        name: 'E9 denies a lookup of all Secrets',
        content: () => ({ 'x.yaml': '{{ range (lookup "v1" "Secret" "" "").items }}{{ .metadata.name }}{{ end }}\n' }),
        said: /secrets is forbidden/,
      },
      {
        name: 'E10 denies a NetworkPolicy',
        content: () => ({ 'x.yaml': yaml(policy) }),
        said: /networkpolicies.* is forbidden/,
      },
      {
        name: 'E10 denies our own NetworkPolicy',
        content: () => ({ 'x.yaml': yaml({ ...policy, metadata: { name: 'berth' } }) }),
        said: /networkpolicies.* is forbidden/,
      },
      {
        name: 'E10 denies a NetworkPolicy as a hook',
        content: () => ({ 'x.yaml': yaml({ ...policy, metadata: onInstall }) }),
        said: /networkpolicies.* is forbidden/,
      },
      {
        name: 'E10 denies a ResourceQuota in a sub-chart',
        content: () => ({
          'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 0.1.0\n',
          'charts/sub/templates/x.yaml': yaml({
            apiVersion: 'v1',
            kind: 'ResourceQuota',
            metadata,
            spec: { hard: {} },
          }),
        }),
        said: /resourcequotas.* is forbidden/,
      },
      {
        name: 'E10 denies a LimitRange',
        content: () => ({ 'x.yaml': yaml({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: [] } }) }),
        said: /limitranges.* is forbidden/,
      },
      {
        name: 'E10 denies a RoleBinding as a hook',
        content: () => ({
          'x.yaml': yaml({
            apiVersion: `${rbac}/v1`,
            kind: 'RoleBinding',
            ...clusterAdmin(preview.name),
            metadata: onInstall,
          }),
        }),
        said: /rolebindings.* is forbidden/,
      },
      {
        name: 'E12 denies a load balancer',
        content: () => ({ 'x.yaml': yaml(service('LoadBalancer')) }),
        said: /exceeded quota.*services\.(loadbalancers|nodeports)/,
      },
      {
        name: 'E12 denies a node port, by a hook too',
        content: () => ({
          'x.yaml': yaml({ ...service('NodePort'), metadata: onInstall }),
          'y.yaml': hook('y', 'post-install', 'true'),
        }),
        said: /exceeded quota.*services\.nodeports/,
      },
    ];
    for (const { name, content, said } of charts) {
      it(name, async () => {
        const policies = async () =>
          (await preview.api.list<KubernetesObject>({ path: own('networkpolicies', networking) }, signal)).items.map(
            (item) => [item.metadata.name, item.metadata.resourceVersion],
          );
        const policiesBefore = await policies();
        const result = await install(content());
        assert.equal(result.code, 1, result.said);
        assert.match(result.said, said);
        assert.doesNotMatch(result.said, /correct horse/);
        assert.deepEqual(await policies(), policiesBefore);
      });
    }

    it('installs what an ordinary chart has', async () => {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web' } };
      const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { a: 'b' } };
      const result = await install({ ...goodTemplates, 'account.yaml': yaml(account), 'config.yaml': yaml(config) });
      assert.equal(result.code, 0, result.said);
    });
  });

  it('has what an operator adds by a label, and loses it again', async () => {
    const name = `test-${preview.name}`;
    const group = `${preview.name}.example.com`;
    const path = `/apis/${rbac}/v1/clusterroles`;
    const extension = {
      metadata: { name, labels: { 'berth.dev/aggregate-to-deployer': 'true' } },
      rules: [{ apiGroups: [group], resources: ['widgets'], verbs: ['get'] }],
    };
    const widget = { verb: 'get', group, resource: 'widgets', namespace: preview.name };
    assert.equal(await may(widget), false);
    await preview.create(path, extension);
    try {
      while (!(await may(widget))) await delay(100);
    } finally {
      await preview.remove(`${path}/${name}`);
    }
    while (await may(widget)) await delay(100);
  });
});

const customResource = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.denied.example.com' },
  spec: {
    group: 'denied.example.com',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

function service(type: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'x' },
    spec: { type, ports: [{ port: 80 }], selector: { a: 'b' } },
  };
}

function clusterAdmin(namespace: string): object {
  return {
    metadata: { name: 'x' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
  };
}

function groupPath(group: string, namespace: string, plural: string): string {
  const version = group === 'discovery.k8s.io' ? 'v1beta1' : 'v1';
  return `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
}
