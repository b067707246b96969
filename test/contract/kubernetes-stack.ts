/** The local stack's cluster, and a namespace of one's own in it. */
import { KubeConfig } from '@kubernetes/client-node';
import { type KubernetesApi, kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { ignoring } from '../../src/adapters/kubernetes/api-error.ts';
import { type KubernetesCluster, kubernetesCluster } from '../../src/adapters/kubernetes/cluster.ts';
import type { ClusterAccess } from '../../src/adapters/kubernetes/cluster-access.ts';
import { ensureDeployerRole } from '../../src/adapters/kubernetes/deployer.ts';
import { accessOf } from '../../src/adapters/kubernetes/kube-config.ts';
import type { KubernetesOptions } from '../../src/adapters/kubernetes/options.ts';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { FenceState } from '../../src/ports.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { endNamespace } from '../end-namespace.ts';
import { localStack } from '../local-stack.ts';

export const image = 'localhost:5000/library/busybox:stable';

/** What Pod Security `restricted` asks of a pod and of each container: clusters that know it let no other into a preview. */
export const restricted = {
  pod: { securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } } },
  container: { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
} as const;

export interface TestPreview extends AsyncDisposable {
  readonly api: KubernetesApi;
  readonly cluster: KubernetesCluster;
  readonly instance: string;
  readonly key: PreviewKey;
  readonly name: string;
  /** Makes the namespace. */
  prepare(): Promise<void>;
  /** Its UID. */
  uid(): Promise<string>;
  /** Its fence, as long as nobody has raised it. */
  fence(): Promise<FenceState>;
  create(path: string, body: object): Promise<void>;
  remove(path: string): Promise<void>;
}

let previews = 0;
let deployerRole: Promise<void> | undefined;

export function stackKubeConfig(path = localStack().kubeconfig): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(path);
  return kubeConfig;
}

export function stackAccess(path?: string): ClusterAccess {
  return accessOf(stackKubeConfig(path));
}

/** A preview that nobody else uses; its namespace goes with it. */
export async function testPreview(options: Partial<KubernetesOptions> = {}): Promise<TestPreview> {
  const { signal } = new AbortController();
  previews += 1;
  const word = `${process.pid.toString(36)}-${previews}-${Date.now().toString(36).slice(-5)}`;
  const instance = `test-${word}`;
  const name = `pr-${word}`;
  const key = { repositoryId: process.pid, number: previews };
  const access = stackAccess();
  const api = kubernetesApi(access);
  const cluster = kubernetesCluster(access, { instance, ...options });
  // One role for them all: made for the first.
  deployerRole ??= ensureDeployerRole(api, 'berth-deployer', signal);
  await deployerRole;

  async function remove(path: string): Promise<void> {
    await ignoring([404, 409], () => api.json({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } }, signal));
  }

  async function uid(): Promise<string> {
    const { namespace } = await cluster.observe(key, name, undefined, signal);
    if (!('uid' in namespace)) throw new Error(`the namespace ${name} is ${namespace.state}`);
    return namespace.uid;
  }

  return {
    api,
    cluster,
    instance,
    key,
    name,
    async prepare() {
      const repository = { id: key.repositoryId, owner: 'acme', name: 'shop', cloneUrl: 'https://example.com/a/b' };
      await cluster.prepareNamespace({ key, name, repository, trust: 'trusted' }, signal);
    },
    uid,
    fence: async () => ({ name, uid: await uid(), number: 1 }),
    async create(path, body) {
      await api.json({ method: 'POST', path, body }, signal);
    },
    remove,
    async [Symbol.asyncDispose]() {
      await endNamespace(api, name);
      await cluster.close();
      await api.close();
    },
  };
}

export interface FaultyPreview extends AsyncDisposable {
  /** Beside the proxy: what a test itself does and looks at. */
  readonly preview: TestPreview;
  readonly proxy: FaultProxy;
  /** Through the proxy. */
  readonly cluster: KubernetesCluster;
}

/** A preview whose cluster is reached through a proxy that misbehaves as told; by default its own, which goes with it. */
export async function faultyPreview(
  options: Partial<KubernetesOptions> = {},
  shared?: TestPreview,
): Promise<FaultyPreview> {
  const preview = shared ?? (await testPreview(options));
  const proxy = await startFaultProxy(localStack());
  const access = stackAccess(proxy.kubeconfigPath);
  const cluster = kubernetesCluster(access, { instance: preview.instance, ...options });
  return {
    preview,
    proxy,
    cluster,
    async [Symbol.asyncDispose]() {
      await cluster.close();
      await proxy[Symbol.asyncDispose]();
      if (preview !== shared) await preview[Symbol.asyncDispose]();
    },
  };
}

/** A deployment of one container; `container` and `spec` override what is there. */
export function deployment(name: string, container: object, spec: object = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          ...restricted.pod,
          containers: [{ name, image, command: ['sleep', '1000'], ...restricted.container, ...container }],
        },
      },
      ...spec,
    },
  };
}

/** The object as if Helm had made it. */
export function ofRelease(object: object): object {
  const metadata = 'metadata' in object ? object.metadata : {};
  return { ...object, metadata: Object.assign({ annotations: { 'meta.helm.sh/release-name': 'preview' } }, metadata) };
}

export function deploymentsPath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}
