import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import { fakeCluster } from '../fakes/cluster.ts';
import { describeClusterContract } from './cluster.contract.ts';
import { deployment, deploymentsPath, ofRelease, testPreview } from './kubernetes-stack.ts';

describeClusterContract('in memory', async () => {
  const cluster = fakeCluster();
  const { world } = cluster;
  return {
    cluster,
    key: { repositoryId: 1, number: 2 },
    name: 'pr-2-shop',
    heldBy: /example\.com\/hold.*configmaps/,
    addForeign: async (name) => cluster.addForeign(name),
    exists: async (name) => world.namespaces.has(name),
    hold: async (name) => cluster.hold(name, 'finalizer `example.com/hold` (1 configmaps)'),
    letGo: async (name) => world.letGo(name),
    startWorkload: async (name) => cluster.setWorkloads(name, { state: 'ready' }),
    loosen: async (name) => cluster.loosen(name),
    removeWorkload: async (name) => cluster.damage(name),
    async forgetHelm(name, version) {
      const namespace = world.namespace(name);
      namespace.helm = namespace.helm.filter((it) => it.version !== version);
    },
    async markHelm(name, version, status) {
      world.namespace(name).helm.push({ version, status });
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

const { signal } = new AbortController();

describeClusterContract('Kubernetes', async () => {
  const preview = await testPreview();
  const { cluster, key, name, api } = preview;
  const holder = `${corePath(name, 'configmaps')}/held`;

  /** The finalizer of the object that `hold` makes; most tests make none. */
  async function letGo(): Promise<void> {
    const body = { metadata: { finalizers: null } };
    const contentType = 'application/merge-patch+json';
    await api.json({ method: 'PATCH', path: holder, contentType, body }, signal).catch(() => undefined);
  }

  return {
    cluster,
    key,
    name,
    heldBy: /example\.com\/hold.*configmaps/,
    addForeign: (foreign) => preview.create('/api/v1/namespaces', { metadata: { name: foreign } }),
    exists: async (namespace) => (await api.json<object>({ path: namespacePath(namespace) }, signal)) !== undefined,
    hold: (namespace) =>
      preview.create(corePath(namespace, 'configmaps'), {
        metadata: { name: 'held', finalizers: ['example.com/hold'] },
      }),
    letGo,
    startWorkload: (namespace) => preview.create(deploymentsPath(namespace), ofRelease(deployment('web', {}))),
    async loosen(namespace) {
      const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/berth`;
      const body = { spec: { egress: [{}] } };
      await api.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }, signal);
    },
    removeWorkload: (namespace) => preview.remove(`${deploymentsPath(namespace)}/web`),
    forgetHelm: (namespace, version) =>
      preview.remove(`${corePath(namespace, 'secrets')}/sh.helm.release.v1.preview.v${version}`),
    markHelm: (namespace, version, status) =>
      preview.create(corePath(namespace, 'secrets'), {
        metadata: {
          name: `sh.helm.release.v1.preview.v${version}`,
          labels: { owner: 'helm', name: 'preview', version: String(version), status },
        },
        type: 'helm.sh/release.v1',
      }),
    async [Symbol.asyncDispose]() {
      await letGo();
      await preview[Symbol.asyncDispose]();
    },
  };
});
