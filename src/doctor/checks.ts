/** What is checked, in the order in which it is told. */
import { join } from 'node:path';
import { clusterAccess } from '../adapters/kubernetes/cluster-access.ts';
import { podCredentials } from '../adapters/kubernetes/service-account.ts';
import type { Config } from '../config.ts';
import { namespaceOptions } from '../namespace-options.ts';
import { redisAccess } from '../redis-access.ts';
import { domainCheck } from './domain-names.ts';
import { githubCheck } from './github.ts';
import { imagesCheck } from './images.ts';
import { kubernetesCheck } from './kubernetes.ts';
import { redisCheck } from './redis.ts';
import type { Check } from './run-checks.ts';
import { dataCheck, gitCheck, helmCheck } from './tools.ts';
import { trialCheck } from './trial.ts';

/** @param readOnly leaves out what makes something: the image and the pod. */
export function checksFor(config: Config, { readOnly }: { readonly readOnly: boolean }): readonly Check[] {
  const access = () => clusterAccess(config.KUBECONFIG, { ...podCredentials, ...config.apiServer });
  const images = imagesCheck({
    endpoints: config.BUILDKIT,
    untrustedEndpoints: config.BUILDKIT_UNTRUSTED,
    buildxPath: config.BUILDX,
    configDirectory: config.DOCKER_CONFIG,
    directory: join(config.DATA_DIR, 'buildx'),
    registry: config.REGISTRY,
    insecureRegistries: config.INSECURE_REGISTRIES,
    platform: config.PLATFORM,
    instance: config.INSTANCE,
    tryOut: !readOnly,
  });
  const trial = trialCheck(access, namespaceOptions(config), images.pushed);
  return [
    githubCheck({
      apiUrl: config.GITHUB_API_URL,
      appId: config.GITHUB_APP_ID,
      privateKey: config.GITHUB_PRIVATE_KEY,
      accounts: config.GITHUB_ACCOUNTS,
    }),
    redisCheck(redisAccess(config)),
    kubernetesCheck(access, {
      deployerRole: config.DEPLOYER_ROLE,
      gatewayNamespace: config.GATEWAY_NAMESPACE,
      resolverNamespaces: namespaceOptions(config).network.resolvers.namespaces,
      secretsNamespace: config.SECRETS_NAMESPACE,
      roles: config.ROLES,
    }),
    domainCheck({ domain: config.PREVIEW_DOMAIN, scheme: config.PREVIEW_SCHEME, port: config.PREVIEW_PORT }),
    helmCheck(config.HELM),
    gitCheck(config.GIT),
    dataCheck(config.DATA_DIR),
    // Last, for they take longest.
    images.check,
    ...(readOnly ? [] : [trial]),
  ];
}
