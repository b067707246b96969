/** What a configuration says about previews' namespaces, as the Kubernetes adapter takes it. */
import type { KubernetesOptions } from './adapters/kubernetes/options.ts';
import type { PreviewConfig } from './config.ts';
import { defaultBlockedCidrs, defaultQuota } from './domain/confinement.ts';

/** Everything that the operator decides; what is left out has its default. */
export function namespaceOptions(
  config: PreviewConfig,
): Pick<KubernetesOptions, 'instance' | 'podSecurity' | 'deployerRole' | 'quota' | 'containers' | 'network'> {
  const quota = {
    ...defaultQuota,
    'requests.cpu': config.QUOTA_CPU,
    'requests.memory': config.QUOTA_MEMORY,
    pods: config.QUOTA_PODS,
    ...config.QUOTA,
  };
  const isCidr = (text: string) => text.includes('/');
  return {
    instance: config.INSTANCE,
    podSecurity: config.POD_SECURITY,
    deployerRole: config.DEPLOYER_ROLE,
    quota: { trusted: quota, untrusted: { ...quota, ...config.QUOTA_UNTRUSTED } },
    containers: {
      requests: config.CONTAINER_REQUESTS,
      limits: config.CONTAINER_LIMITS,
      max: config.CONTAINER_MAX,
    },
    network: {
      gatewayNamespaceLabels: { 'kubernetes.io/metadata.name': config.GATEWAY_NAMESPACE },
      gatewayCidrs: config.GATEWAY_CIDRS,
      resolvers: {
        namespaces: config.RESOLVERS.filter((text) => !isCidr(text)),
        cidrs: config.RESOLVERS.filter(isCidr),
      },
      egress: {
        trusted: { internet: config.EGRESS === 'internet', allowedCidrs: config.EGRESS_ALLOWED },
        untrusted: {
          internet: config.EGRESS_UNTRUSTED === 'internet',
          allowedCidrs: config.EGRESS_ALLOWED_UNTRUSTED,
        },
      },
      blockedCidrs: [...defaultBlockedCidrs, ...config.EGRESS_BLOCKED],
    },
  };
}
