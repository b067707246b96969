/**
 * A trial of what every preview needs: a namespace of ours, a pod in it as the deployer account, its image pulled by a node.
 * The namespace carries our labels but nobody's key, so that no sweep takes it for a preview.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesApi, kubernetesApi } from './api.ts';
import { ApiError, apiStatusOf } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { corePath, namespacePath } from './collections.ts';
import { deployerOf } from './deployer.ts';
import { instanceLabel, managedByBerth, managedByLabel } from './metadata.ts';
import type { Namespace, Pod } from './objects.ts';
import { defaultKubernetesOptions, type KubernetesOptions } from './options.ts';
import { podSecurityLabels, policyObjects } from './policy-objects.ts';

export type TrialResult =
  | { readonly outcome: 'pulled'; readonly node: string; readonly durationMs: number }
  | { readonly outcome: 'not pulled'; readonly node: string; readonly said: string }
  | { readonly outcome: 'not scheduled'; readonly said: string };

export interface Trial extends AsyncDisposable {
  /** Whether the API server refuses a privileged pod here; nothing is made. */
  refusesPrivileged(signal: AbortSignal): Promise<boolean>;
  /** Starts a pod with this image and tells how its pull ended. The image need not hold a program. */
  pull(image: string, signal: AbortSignal): Promise<TrialResult>;
}

/** Tells the namespaces of trials from all others. */
const trialLabel = 'berth.dev/trial';
/** A trial that is older was left by a program that was killed. */
const abandonedMs = 10 * 60_000;
const podName = 'pull';
const cleanUpMs = 10_000;
const underWay = 'it was still under way when the time was over';

/**
 * Makes the namespace, with everything that a preview's has; disposal removes it by its UID. Also removes what a killed
 * trial has left behind.
 */
export async function openTrial(
  access: ClusterAccess,
  overrides: Partial<KubernetesOptions>,
  signal: AbortSignal,
): Promise<Trial> {
  const options = { ...defaultKubernetesOptions, ...overrides };
  const api = kubernetesApi(access);
  let namespace: Namespace | undefined;
  const dispose = async () => {
    try {
      if (namespace !== undefined) await remove(api, namespace);
    } finally {
      await api.close();
    }
  };
  try {
    await removeAbandoned(api, options.instance, signal);
    // Not anybody's signal: what was made must be known, to be removed.
    namespace = await create(api, options, AbortSignal.timeout(cleanUpMs));
    const { name } = namespace.metadata;
    for (const { path, body } of policyObjects(name, options, 'trusted')) {
      const query = { fieldManager: 'berth', force: true };
      await api.json({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body }, signal);
    }
    await untilAllowed(api, name, deployerOf(name), signal);
    return trialIn(api, name, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

function trialIn(api: KubernetesApi, namespace: string, dispose: () => Promise<void>): Trial {
  const path = corePath(namespace, 'pods');
  const asUser = deployerOf(namespace);
  return {
    async refusesPrivileged(signal) {
      const body = pod('privileged', 'registry.invalid/none', { privileged: true });
      try {
        await api.json({ method: 'POST', path, query: { dryRun: 'All' }, body, asUser }, signal);
        return false;
      } catch (error) {
        if (apiStatusOf(error) === 403) return true;
        throw error;
      }
    },
    async pull(image, signal) {
      const startedAt = performance.now();
      const request = { method: 'POST', path, body: pod(podName, image, restricted), asUser } as const;
      const { metadata } = await api.json<Pod>(request, signal);
      const query = { fieldSelector: `metadata.name=${podName}`, resourceVersion: metadata.resourceVersion };
      let result: TrialResult = { outcome: 'not scheduled', said: 'no node has taken the pod yet' };
      try {
        for await (const { object } of api.watch<Pod>({ path, query }, signal)) {
          result = resultOf(object, performance.now() - startedAt) ?? result;
          if (result.outcome === 'pulled' || (result.outcome === 'not pulled' && result.said !== underWay)) break;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      return result;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Waits for the binding that was just made to be known to the API server's authorizer. */
async function untilAllowed(api: KubernetesApi, namespace: string, asUser: string, signal: AbortSignal): Promise<void> {
  const resourceAttributes = { namespace, verb: 'create', resource: 'pods' };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
  for (let nth = 0; nth < 20; nth += 1) {
    const { status } = await api.json<{ readonly status: { readonly allowed: boolean } }>(
      { method: 'POST', path, body, asUser },
      signal,
    );
    if (status.allowed) return;
    await delay(200, undefined, { signal });
  }
  throw new Error(`the deployer's role does not let ${asUser} create pods`);
}

/** How the pull ended, as far as it has; a container that cannot start has its image. */
function resultOf({ spec, status }: Pod, durationMs: number): TrialResult | undefined {
  const [container] = status?.containerStatuses ?? [];
  const node = spec.nodeName ?? '';
  const { waiting, running, terminated } = container?.state ?? {};
  const reason = waiting?.reason ?? '';
  if (['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'RegistryUnavailable'].includes(reason)) {
    return { outcome: 'not pulled', node, said: waiting?.message ?? reason };
  }
  const startFailed = ['CreateContainerError', 'RunContainerError', 'CrashLoopBackOff', 'StartError'].includes(reason);
  if (startFailed || running !== undefined || terminated !== undefined) {
    return { outcome: 'pulled', node, durationMs: Math.round(durationMs) };
  }
  if (node !== '') return { outcome: 'not pulled', node, said: underWay };
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  return { outcome: 'not scheduled', said: scheduled.message ?? scheduled.reason ?? '' };
}

/** Allowed by every Pod Security level. */
const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: 65_532,
  seccompProfile: { type: 'RuntimeDefault' },
};

function pod(name: string, image: string, securityContext: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name, image, imagePullPolicy: 'Always', command: ['/berth-doctor'], securityContext }],
    },
  };
}

async function create(api: KubernetesApi, options: KubernetesOptions, signal: AbortSignal): Promise<Namespace> {
  const labels = {
    ...podSecurityLabels(options),
    [managedByLabel]: managedByBerth,
    [instanceLabel]: options.instance,
    [trialLabel]: 'true',
  };
  const name = `berth-trial-${randomBytes(5).toString('hex')}`;
  return await api.json<Namespace>(
    {
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
    },
    signal,
  );
}

async function removeAbandoned(api: KubernetesApi, instance: string, signal: AbortSignal): Promise<void> {
  const labelSelector = `${managedByLabel}=${managedByBerth},${instanceLabel}=${instance},${trialLabel}`;
  const { items } = await api.list<Namespace>({ path: '/api/v1/namespaces', query: { labelSelector } }, signal);
  for (const item of items) {
    const isOld = Date.now() - Date.parse(item.metadata.creationTimestamp) > abandonedMs;
    if (isOld && item.metadata.deletionTimestamp === undefined) await remove(api, item);
  }
}

/** With a time of its own: it also runs after everything else was aborted. */
async function remove(api: KubernetesApi, { metadata: { name, uid } }: Namespace): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpMs);
  try {
    await api.json({ method: 'DELETE', path: namespacePath(name), body: { preconditions: { uid } } }, signal);
    // Its own removal would wait for the kubelet.
    await api.json(
      { method: 'DELETE', path: `${corePath(name, 'pods')}/${podName}`, body: { gracePeriodSeconds: 0 } },
      signal,
    );
  } catch (error) {
    // Gone already, or another one of that name by now.
    if (!(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error;
  }
}
