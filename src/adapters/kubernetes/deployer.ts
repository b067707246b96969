/** The account that Helm acts as inside a preview's namespace, and what it may do there. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { KubernetesApi } from './api.ts';
import { fieldManager } from './metadata.ts';

/** The service account's name, the same in every namespace. There is no object of that name: it is only acted as. */
export const deployerAccount = 'berth-deployer';

/** Whom to act as to do what the deployer of that namespace may. */
export const deployerOf = (namespace: string): string => `system:serviceaccount:${namespace}:${deployerAccount}`;

const roleFile = new URL('../../../charts/berth/files/deployer-role.yaml', import.meta.url);

interface ClusterRole {
  readonly metadata: object;
  readonly rules: unknown;
}

/** The deployer's ClusterRole as it comes with this version of Berth. */
export async function shippedDeployerRole(): Promise<ClusterRole> {
  return parse(await readFile(roleFile, 'utf8')) as ClusterRole;
}

/**
 * Makes the deployer's ClusterRole, or brings it back to what it should be. Berth's own chart does the same; this is for
 * set-ups without it. Needs the rights of a cluster administrator.
 */
export async function ensureDeployerRole(api: KubernetesApi, name: string, signal: AbortSignal): Promise<void> {
  const role = await shippedDeployerRole();
  await api.json(
    {
      method: 'PATCH',
      path: `/apis/rbac.authorization.k8s.io/v1/clusterroles/${encodeURIComponent(name)}`,
      query: { fieldManager, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { ...role, metadata: { ...role.metadata, name } },
    },
    signal,
  );
}
