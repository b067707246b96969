/** The account that Helm acts as inside a preview's namespace, and what it may do there. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { packageFile } from '../../package-files.ts';
import type { KubernetesApi } from './api.ts';
import { includesRules, type RoleRule } from './deployer-rules.ts';
import { fieldManager } from './metadata.ts';

/** The service account's name, the same in every namespace. There is no object of that name: it is only acted as. */
export const deployerAccount = 'berth-deployer';

/** Whom to act as to do what the deployer of that namespace may. */
export const deployerOf = (namespace: string): string => `system:serviceaccount:${namespace}:${deployerAccount}`;

const roleFile = packageFile('charts/berth/files/deployer-role.yaml');

export interface ClusterRole {
  readonly metadata: { readonly name: string; readonly labels?: object };
  readonly aggregationRule?: object;
  readonly rules?: readonly RoleRule[] | null;
}

/** What comes with this version of Berth: the deployer's role, which the cluster fills in, and the rules it is filled with. */
export async function shippedDeployerRoles(): Promise<{ readonly role: ClusterRole; readonly base: ClusterRole }> {
  const [role, base] = parseAllDocuments(await readFile(roleFile, 'utf8')).map((it) => it.toJS() as ClusterRole);
  if (role === undefined || base === undefined) throw new Error(`${roleFile} does not hold two roles`);
  return { role, base };
}

/** How long the cluster may take to fill in the rules. */
const longestFillMs = 10_000;

/**
 * Makes the deployer's ClusterRole, or brings it back to what it should be. Berth's own chart does the same; this is for
 * set-ups without it. Needs the rights of a cluster administrator.
 */
export async function ensureDeployerRole(api: KubernetesApi, name: string, signal: AbortSignal): Promise<void> {
  const { role, base } = await shippedDeployerRoles();
  const pathOf = (named: string) => `/apis/rbac.authorization.k8s.io/v1/clusterroles/${encodeURIComponent(named)}`;
  const apply = async (it: ClusterRole, named: string) =>
    await api.json<ClusterRole>(
      {
        method: 'PATCH',
        path: pathOf(named),
        query: { fieldManager, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...it, metadata: { ...it.metadata, name: named } },
      },
      signal,
    );
  await apply(base, `${name}-base`);
  let filled = await apply(role, name);
  for (let pauseMs = 50, waitedMs = 0; !includesRules(filled.rules ?? [], base.rules ?? []); pauseMs *= 2) {
    if (waitedMs >= longestFillMs) throw new Error(`the cluster does not fill in the rules of the ClusterRole ${name}`);
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    waitedMs += pauseMs;
    filled = await api.json<ClusterRole>({ path: pathOf(name) }, signal);
  }
}
