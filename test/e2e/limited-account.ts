/** An account in the local cluster that may do what it is given, and nothing else. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type KubernetesApi, kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { accessOf } from '../../src/adapters/kubernetes/kube-config.ts';
import type { Right } from '../../src/adapters/kubernetes/rights.ts';

export interface LimitedAccount extends AsyncDisposable {
  /** Holds a token that lasts for an hour. */
  readonly kubeconfigPath: string;
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Makes the account with the rights of an administrator; disposal removes all of it, but what is in namespaces of others. */
export async function limitedAccount(admin: KubeConfig, rights: readonly Right[]): Promise<LimitedAccount> {
  const { signal } = new AbortController();
  const api = kubernetesApi(accessOf(admin));
  const name = `limited-${randomBytes(4).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const kubeconfigPath = join(folder, 'kubeconfig');
  const post = <T>(path: string, body: object) => api.json<T>({ method: 'POST', path, body }, signal);
  await post('/api/v1/namespaces', { metadata: { name } });
  await post(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name } });
  await post(`${rbac}/clusterroles`, { metadata: { name }, rules: rights.filter(isForAll).map(ruleOf) });
  await post(`${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: name }],
  });
  const namespaces = new Set(rights.flatMap(({ namespace }) => namespace ?? []));
  for (const namespace of namespaces) {
    const rules = rights.filter((right) => right.namespace === namespace).map(ruleOf);
    await post(`${rbac}/namespaces/${namespace}/roles`, { metadata: { name }, rules });
    await post(`${rbac}/namespaces/${namespace}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: name }],
    });
  }
  const { status } = await post<{ readonly status: { readonly token: string } }>(
    `/api/v1/namespaces/${name}/serviceaccounts/${name}/token`,
    { spec: { expirationSeconds: 3_600 } },
  );
  await writeFile(kubeconfigPath, kubeconfig(admin, status.token), { mode: 0o600 });
  return {
    kubeconfigPath,
    async [Symbol.asyncDispose]() {
      await remove(api, `${rbac}/clusterrolebindings/${name}`);
      await remove(api, `${rbac}/clusterroles/${name}`);
      await remove(api, `/api/v1/namespaces/${name}`);
      await api.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isForAll({ namespace }: Right): boolean {
  return namespace === undefined;
}

function ruleOf({ verb, group, resource, name }: Right): object {
  return {
    verbs: [verb],
    apiGroups: [group],
    resources: [resource],
    ...(name === undefined ? {} : { resourceNames: [name] }),
  };
}

/** JSON is YAML. */
function kubeconfig(admin: KubeConfig, token: string): string {
  const cluster = admin.getCurrentCluster();
  const name = 'limited';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: cluster?.server,
          ...(cluster?.caData === undefined ? {} : { 'certificate-authority-data': cluster.caData }),
          ...(cluster?.caFile === undefined ? {} : { 'certificate-authority': cluster.caFile }),
        },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}

async function remove(api: KubernetesApi, path: string): Promise<void> {
  await api.json({ method: 'DELETE', path }, AbortSignal.timeout(10_000));
}
