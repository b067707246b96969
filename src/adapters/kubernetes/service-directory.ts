/** Where previews' services listen, from a cache of our namespaces. */
import type { PreviewNamespace, ServiceDirectory } from '../../ports.ts';
import { type KubernetesApi, kubernetesApi } from './api.ts';
import { apiStatusOf } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { corePath } from './collections.ts';
import type { Endpoints, Namespace, Pod, Service } from './objects.ts';
import { defaultKubernetesOptions, type KubernetesOptions } from './options.ts';
import { ownSelector, previewNamespace } from './ownership.ts';
import { reflect } from './reflector.ts';

export interface KubernetesServiceDirectory extends ServiceDirectory {
  /** Fills the cache and keeps it current; resolves after the first list. */
  start(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A service that is found hardly ever moves; one that is missing may come any moment. */
const foundForMs = 5_000;
const missingForMs = 500;
/** How many endpoints of a headless service are tried. */
const maxEndpoints = 10;

/** The directory of the previews of one instance. Nothing is read before `start`. */
export function kubernetesServiceDirectory(
  access: ClusterAccess,
  options: Pick<KubernetesOptions, 'instance'> & Partial<Pick<KubernetesOptions, 'relistMs'>>,
): KubernetesServiceDirectory {
  const { instance, relistMs } = { ...defaultKubernetesOptions, ...options };
  const api = kubernetesApi(access);
  const stop = new AbortController();
  const previews = new Map<string, PreviewNamespace>();
  const addresses = addressCache(api, stop.signal);
  let reflecting: Promise<void> | undefined;

  return {
    async start(signal) {
      const { promise: listed, resolve: onListed } = Promise.withResolvers<void>();
      reflecting = reflect<Namespace>(
        api,
        { path: '/api/v1/namespaces', query: { labelSelector: ownSelector(instance) } },
        {
          relistMs,
          onChange(namespaces) {
            previews.clear();
            for (const namespace of namespaces.values()) {
              const preview = previewNamespace(namespace, instance);
              if (preview !== undefined) previews.set(preview.name, preview);
            }
            onListed();
          },
        },
        AbortSignal.any([signal, stop.signal]),
      );
      await Promise.race([listed, reflecting]);
    },

    preview: (namespace) => previews.get(namespace),

    async address(namespace, service, port, signal) {
      signal.throwIfAborted();
      // Only what is ours is ever connected to, whatever the caller was asked for.
      if (!previews.has(namespace)) return undefined;
      return await abortable(addresses(namespace, service, port), signal);
    },

    async close() {
      stop.abort();
      await reflecting?.catch(() => undefined);
      await api.close();
    },
  };
}

/** Looks addresses up, at most once at a time for each, and remembers them for a while. */
function addressCache(api: KubernetesApi, signal: AbortSignal) {
  const cache = new Map<string, { readonly untilMs: number; readonly address: Promise<Address | undefined> }>();
  return async (namespace: string, service: string, port: number): Promise<Address | undefined> => {
    const id = `${namespace}/${service}:${port}`;
    const nowMs = Date.now();
    const known = cache.get(id);
    if (known !== undefined && known.untilMs > nowMs) return await known.address;
    if (cache.size > 10_000) for (const [key, { untilMs }] of cache) if (untilMs <= nowMs) cache.delete(key);
    const address = lookUp(api, namespace, service, port, signal);
    cache.set(id, { untilMs: nowMs + foundForMs, address });
    try {
      const found = await address;
      if (found === undefined) cache.set(id, { untilMs: Date.now() + missingForMs, address });
      return found;
    } catch (error) {
      cache.delete(id);
      throw error;
    }
  };
}

async function lookUp(
  api: KubernetesApi,
  namespace: string,
  name: string,
  port: number,
  signal: AbortSignal,
): Promise<Address | undefined> {
  const service = await found<Service>(api, `${corePath(namespace, 'services')}/${encodeURIComponent(name)}`, signal);
  const servicePort = service?.spec.ports?.find((it) => it.port === port && (it.protocol ?? 'TCP') === 'TCP');
  const { clusterIP, type, selector = {} } = service?.spec ?? {};
  // An ExternalName may name anything, the API server included. Where a service without a selector leads is written by hand.
  if (servicePort === undefined || type === 'ExternalName' || !clusterIP || Object.keys(selector).length === 0)
    return undefined;
  // It leads to pods that the selector picks in this namespace; the deployer's role cannot add other endpoints.
  if (clusterIP !== 'None') return { host: clusterIP, port };
  return await headlessAddress(api, namespace, name, servicePort.name ?? '', signal);
}

/**
 * Where a service without an address of its own leads. What its endpoints say is followed only where a pod of the namespace
 * has that address: anybody who may write endpoints could name the metadata service there, or the API server.
 */
async function headlessAddress(
  api: KubernetesApi,
  namespace: string,
  name: string,
  portName: string,
  signal: AbortSignal,
): Promise<Address | undefined> {
  const path = `${corePath(namespace, 'endpoints')}/${encodeURIComponent(name)}`;
  const endpoints = await found<Endpoints>(api, path, signal);
  for (const { addresses = [], ports = [] } of endpoints?.subsets ?? []) {
    const target = ports.find((it) => (it.name ?? '') === portName);
    if (target === undefined) continue;
    for (const { ip, targetRef } of addresses.slice(0, maxEndpoints)) {
      if (targetRef?.kind !== 'Pod' || !targetRef.name) continue;
      const pod = await found<Pod>(api, `${corePath(namespace, 'pods')}/${encodeURIComponent(targetRef.name)}`, signal);
      if (pod?.status?.podIP === ip && pod.spec.hostNetwork !== true) return { host: ip, port: target.port };
    }
  }
  return undefined;
}

async function found<T>(api: KubernetesApi, path: string, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await api.json<T>({ path }, signal);
  } catch (error) {
    if (apiStatusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The shared look-up goes on for the others when one caller leaves. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
