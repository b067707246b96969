/**
 * Which annotations a chart may write. A list of what is allowed, since annotations tell the programs of a cluster what to do,
 * and nobody knows them all: attach a pod to another network, hand it a device, copy a Secret into other namespaces, put text
 * into a proxy's configuration, make a DNS name.
 */

/**
 * @param extra The operator's: keys, or prefixes that end in a slash.
 */
export function isAllowedAnnotation(name: string, value: string, extra: readonly string[]): boolean {
  const slash = name.indexOf('/');
  const prefix = name.slice(0, slash + 1);
  // By Kubernetes' convention a key without a domain is the user's own, as in `checksum/config`. Container runtimes read
  // some without a slash, which begin like a domain: `io.katacontainers.config.…`.
  if (!(slash < 0 ? name : prefix).includes('.')) return true;
  if (prefixes.has(prefix) || keys.has(name) || podSecurityKeys.test(name)) return true;
  if (plainValueKeys.has(name)) return /^[A-Za-z0-9.-]{1,64}$/.test(value);
  return extra.some((allowed) => (allowed.endsWith('/') ? allowed.length > 1 && prefix === allowed : name === allowed));
}

/** For people and for tools that only read. */
// biome-ignore format: a list
const prefixes: ReadonlySet<string> = new Set([
  'helm.sh/', 'meta.helm.sh/', 'artifacthub.io/', 'argocd.argoproj.io/', 'prometheus.io/', 'app.kubernetes.io/',
  'kubectl.kubernetes.io/', 'reloader.stakater.com/', 'configmap.reloader.stakater.com/', 'secret.reloader.stakater.com/',
  'fluentbit.io/',
]);

// biome-ignore format: a list
const keys: ReadonlySet<string> = new Set([
  'kubernetes.io/description', 'kubernetes.io/change-cause', 'kubernetes.io/ingress.class', 'kubernetes.io/tls-acme',
  'controller.kubernetes.io/pod-deletion-cost', 'cluster-autoscaler.kubernetes.io/safe-to-evict',
  'service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints',
]);

/** Held against Pod Security's rules for their values. */
const podSecurityKeys =
  /^(container\.apparmor\.security\.beta|seccomp\.security\.alpha|container\.seccomp\.security\.alpha)\.kubernetes\.io\//;

/** Allowed with a number, a size, a duration, a word or a name, in which no configuration of a proxy can hide. */
// biome-ignore format: a list
const plainValueKeys: ReadonlySet<string> = new Set([
  'cert-manager.io/issuer', 'cert-manager.io/cluster-issuer', 'sidecar.istio.io/inject', 'linkerd.io/inject',
  'volume.beta.kubernetes.io/storage-class',
  'nginx.ingress.kubernetes.io/proxy-body-size', 'nginx.ingress.kubernetes.io/proxy-connect-timeout',
  'nginx.ingress.kubernetes.io/proxy-read-timeout', 'nginx.ingress.kubernetes.io/proxy-send-timeout',
  'nginx.ingress.kubernetes.io/ssl-redirect', 'nginx.ingress.kubernetes.io/force-ssl-redirect',
]);
