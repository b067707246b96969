/** What there is to know about a cluster before previews are made in it. Changes nothing. */
import { isDeepStrictEqual } from 'node:util';
import { type KubernetesApi, kubernetesApi } from './api.ts';
import { ApiError, apiStatusOf } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { namespacePath } from './collections.ts';
import { type ClusterRole, shippedDeployerRoles } from './deployer.ts';
import { dangerousRights, includesRules } from './deployer-rules.ts';
import type { Namespace } from './objects.ts';
import { neededRights, type Right } from './rights.ts';

export interface ClusterSurvey {
  /** Such as `v1.35.2`. */
  readonly version: string;
  readonly missingRights: readonly Right[];
  readonly neededRights: number;
  /** `unknown` when we may not look, which Berth itself never does. */
  readonly deployerRole: 'as shipped' | 'extended' | 'different' | 'absent' | 'unknown';
  /** What the deployer's role allows and charts must not be allowed. */
  readonly dangerousRights: readonly Right[];
  readonly gatewayNamespace: NamespaceFinding;
  /** Of each namespace that resolvers are looked for in. */
  readonly resolverNamespaces: ReadonlyMap<string, NamespaceFinding>;
}

/** Whether network policies can know a namespace by its name. */
export type NamespaceFinding = 'labelled' | 'not labelled' | 'absent' | 'unknown';

export interface ClusterSurveyOptions {
  readonly deployerRole: string;
  readonly gatewayNamespace: string;
  readonly resolverNamespaces: readonly string[];
  readonly secretsNamespace: string | undefined;
  /** What this process does: other roles may have accounts of their own. */
  readonly roles: readonly string[];
}

/** The label by which network policies know namespaces; Kubernetes sets it by itself since 1.21. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';

const atATime = 6;

/** The API server answered, and does not know us. */
export class ClusterRefusedError extends Error {
  override readonly name = 'ClusterRefusedError';
}

/** @throws ClusterRefusedError when our credentials are not accepted; any other error when there is no API server. */
export async function surveyCluster(
  access: ClusterAccess,
  options: ClusterSurveyOptions,
  signal: AbortSignal,
): Promise<ClusterSurvey> {
  const api = kubernetesApi(access);
  try {
    const { gitVersion } = await api.json<{ readonly gitVersion: string }>({ path: '/version' }, signal);
    const rights = neededRights(options.deployerRole, options.secretsNamespace, options.roles);
    const [allowed, role, gatewayNamespace, ...resolverNamespaces] = await Promise.all([
      whichAllowed(api, rights, signal),
      stateOfRole(api, options.deployerRole, signal),
      stateOfNamespace(api, options.gatewayNamespace, signal),
      ...options.resolverNamespaces.map((name) => stateOfNamespace(api, name, signal)),
    ]);
    const missingRights = rights.filter((_, index) => allowed[index] !== true);
    return {
      version: gitVersion,
      missingRights,
      neededRights: rights.length,
      deployerRole: role.state,
      dangerousRights: role.dangerous,
      gatewayNamespace,
      resolverNamespaces: new Map(
        options.resolverNamespaces.map((name, index) => [name, resolverNamespaces[index] ?? 'unknown']),
      ),
    };
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 401) {
      throw new ClusterRefusedError(`the API server does not accept our credentials: ${cause.detail}`, { cause });
    }
    throw cause;
  } finally {
    await api.close();
  }
}

/** A few at a time: each one at the same time would open a connection of its own. */
async function whichAllowed(
  api: KubernetesApi,
  rights: readonly Right[],
  signal: AbortSignal,
): Promise<readonly boolean[]> {
  const allowed: boolean[] = [];
  for (let next = 0; next < rights.length; next += atATime) {
    const some = rights.slice(next, next + atATime);
    allowed.push(...(await Promise.all(some.map((right) => isAllowed(api, right, signal)))));
  }
  return allowed;
}

/** Everybody who is known to the API server may ask this. */
async function isAllowed(
  api: KubernetesApi,
  { verb, group, resource, name, namespace }: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const [plural, subresource] = resource.split('/');
  const { status } = await api.json<{ readonly status: { readonly allowed: boolean } }>(
    {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource: plural, subresource, name, namespace } },
      },
    },
    signal,
  );
  return status.allowed;
}

async function stateOfRole(
  api: KubernetesApi,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly state: ClusterSurvey['deployerRole']; readonly dangerous: readonly Right[] }> {
  const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${encodeURIComponent(name)}`;
  const found = await read<ClusterRole>(api, path, signal);
  if (typeof found === 'string') return { state: found, dangerous: [] };
  const { role, base } = await shippedDeployerRoles();
  const rules = found.rules ?? [];
  const isOurs =
    isDeepStrictEqual(found.aggregationRule, role.aggregationRule) && includesRules(rules, base.rules ?? []);
  const isExtended = !includesRules(base.rules ?? [], rules);
  const state = !isOurs ? 'different' : isExtended ? 'extended' : 'as shipped';
  return { state, dangerous: dangerousRights(rules) };
}

async function stateOfNamespace(api: KubernetesApi, name: string, signal: AbortSignal): Promise<NamespaceFinding> {
  const namespace = await read<Namespace>(api, namespacePath(name), signal);
  if (typeof namespace === 'string') return namespace;
  return namespace.metadata.labels?.[namespaceNameLabel] === name ? 'labelled' : 'not labelled';
}

async function read<T>(api: KubernetesApi, path: string, signal: AbortSignal): Promise<T | 'absent' | 'unknown'> {
  try {
    return await api.json<T>({ path }, signal);
  } catch (error) {
    const status = apiStatusOf(error);
    if (status === 404) return 'absent';
    if (status === 403) return 'unknown';
    throw error;
  }
}
