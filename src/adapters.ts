/** Builds the adapters that a configuration asks for. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { parseEndpoint } from './adapters/buildx/endpoint.ts';
import { buildxBuilder } from './adapters/buildx/buildx-builder.ts';
import { type GitSource, gitSource } from './adapters/git/git-source.ts';
import { githubForge } from './adapters/github/forge.ts';
import { helmReleaser } from './adapters/helm/releaser.ts';
import { kubernetesCluster } from './adapters/kubernetes/cluster.ts';
import { clusterAccess } from './adapters/kubernetes/cluster-access.ts';
import { kubernetesSecrets } from './adapters/kubernetes/secrets.ts';
import { podCredentials } from './adapters/kubernetes/service-account.ts';
import {
  type KubernetesServiceDirectory,
  kubernetesServiceDirectory,
} from './adapters/kubernetes/service-directory.ts';
import { openRedis, type RedisConnection } from './adapters/redis/connection.ts';
import { openQueue } from './adapters/redis/queue.ts';
import { redisStore } from './adapters/redis/store.ts';
import { authoritiesFile, trustAuthorities } from './authorities.ts';
import type { Config } from './config.ts';
import { openDataDirectory } from './data-directory.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { namespaceOptions } from './namespace-options.ts';
import { endOrphans } from './orphans.ts';
import { berthVersion } from './package-files.ts';
import { builtInChartPath, imageInstance } from './plan-settings.ts';
import type { Redaction } from './ports.ts';
import type { Telemetry } from './telemetry.ts';
import { limitedReleaser } from './reconcile/limited-releaser.ts';
import { measuredReleaser } from './reconcile/measured-releaser.ts';
import type { Ports } from './reconcile/ports.ts';
import { redactedBuilder, redactedQueue, redactedReleaser } from './reconcile/redacted-ports.ts';
import { redisAccess } from './redis-access.ts';

export interface Adapters extends AsyncDisposable {
  readonly ports: Ports;
  /** `ports.source`, with what its own machine needs done. */
  readonly git: GitSource;
  /** It may be away still: whoever works by way of queues waits until it is `fit`. */
  readonly redis: RedisConnection;
  /** What `ports.telemetry` has counted. */
  readonly metrics: Metrics;
  /** Ends what dead processes have left running on this machine. */
  reclaimOrphans(): Promise<void>;
  /** Not started. */
  readonly directory: KubernetesServiceDirectory;
}

/**
 * Takes the data directory, ends what dead processes have left behind, begins to connect to Redis, and makes everything else,
 * which connects when it is used.
 * @throws DataDirectoryError when the directory cannot be had.
 */
export async function openAdapters(config: Config, redaction: Redaction, log: Logger): Promise<Adapters> {
  const data = await openDataDirectory(config.DATA_DIR);
  trustAuthorities(config.CA_CERTIFICATES);
  const authoritiesPath = await authoritiesFile(config.CA_CERTIFICATES, join(data.temporary, 'authorities.pem'));
  const redis = openRedis(redisAccess(config), log);
  const store = redisStore(redis.client, config.REDIS_PREFIX);
  const bull = openQueue(
    redis,
    {
      prefix: config.REDIS_PREFIX,
      buildConcurrency: config.BUILD_CONCURRENCY,
      totalBuilds: config.BUILD_CONCURRENCY,
      closeTimeoutMs: config.SHUTDOWN_TIMEOUT,
    },
    log,
  );
  const clock = { now: () => Date.now(), timeout: (ms: number) => AbortSignal.timeout(ms) };
  const metrics = openMetrics(clock.now, {
    version: berthVersion(),
    queues: bull.load,
    dependencies: {
      redis: redis.ping,
      // Whoever only takes webhooks needs no Kubernetes, and may be kept from it.
      ...(config.ROLES.some((role) => role !== 'server') && {
        kubernetes: () => cluster.serverVersion(AbortSignal.timeout(kubernetesTimeoutMs)),
      }),
    },
  });
  await reclaimOrphans(metrics.telemetry, log);
  metrics.telemetry.reclaimed('directory', data.leftovers.length);
  for (const name of data.leftovers) log.warn({ kind: 'directory', name }, 'reclaimed');
  const forge = githubForge({
    apiUrl: config.GITHUB_API_URL,
    appId: config.GITHUB_APP_ID,
    privateKey: config.GITHUB_PRIVATE_KEY,
    environment: config.GITHUB_ENVIRONMENT,
    accounts: config.GITHUB_ACCOUNTS,
    cache: store,
    clock,
    hold: redaction.hold,
    telemetry: metrics.telemetry,
    log,
  });
  const pod = { ...podCredentials, ...config.apiServer };
  const access = await clusterAccess(config.KUBECONFIG, pod);
  for (const credential of access.held) redaction.hold(credential);
  const given = config.SECRETS_NAMESPACE ? { namespace: config.SECRETS_NAMESPACE, hold: redaction.hold } : undefined;
  const cluster = kubernetesCluster(access, { ...namespaceOptions(config), secrets: given });
  const secrets = kubernetesSecrets(access, given);
  const directory = kubernetesServiceDirectory(access, { instance: config.INSTANCE });
  const git = gitSource({
    directory: join(config.DATA_DIR, 'git'),
    token: (repositoryId, signal) => forge.cloneToken(repositoryId, signal),
    allowHttpLoopback: config.GITHUB_API_URL.startsWith('http:'),
    gitPath: config.GIT,
    ...(authoritiesPath === undefined ? {} : { env: { GIT_SSL_CAINFO: authoritiesPath } }),
  });
  const ports: Ports = {
    forge,
    queue: redactedQueue(bull, redaction),
    store,
    cluster,
    secrets,
    clock,
    telemetry: metrics.telemetry,
    redaction,
    log,
    source: git,
    builder: redactedBuilder(
      buildxBuilder({
        instance: imageInstance(config),
        endpoints: config.BUILDKIT.map(parseEndpoint),
        untrustedEndpoints: config.BUILDKIT_UNTRUSTED.map(parseEndpoint),
        ownRegistry: config.REGISTRY,
        untrustedRegistries: config.UNTRUSTED_REGISTRIES,
        buildxPath: config.BUILDX,
        directory: join(config.DATA_DIR, 'buildx'),
        temporaryDirectory: data.temporary,
        authoritiesPath,
        ...(config.DOCKER_CONFIG ? { configDirectory: config.DOCKER_CONFIG } : {}),
        hold: redaction.hold,
        insecureRegistries: config.INSECURE_REGISTRIES,
        buildTimeoutMs: config.BUILD_TIMEOUT,
      }),
      redaction,
    ),
    releaser: redactedReleaser(
      limitedReleaser(
        config.HELM_CONCURRENCY,
        measuredReleaser(
          metrics.telemetry,
          helmReleaser({
            helmPath: config.HELM,
            cluster: config.KUBECONFIG ? { kubeconfigPath: config.KUBECONFIG } : pod,
            builtInChartPath,
            directory: join(config.DATA_DIR, 'helm'),
            temporaryDirectory: data.temporary,
            authoritiesPath,
            timeoutMs: config.HELM_TIMEOUT,
            plainHttpRegistries: config.INSECURE_REGISTRIES,
            jobLog: cluster.jobLog,
            serverVersion: cluster.serverVersion,
            podSecurity: config.POD_SECURITY,
            extraKinds: config.CHART_KINDS,
            extraAnnotations: config.CHART_ANNOTATIONS,
            untrustedRuntimeClass: config.UNTRUSTED_RUNTIME_CLASS,
            // The one secret of every installation that nobody can guess.
            passwordKey: config.GITHUB_PRIVATE_KEY,
          }),
        ),
      ),
      redaction,
    ),
  };
  return {
    ports,
    git,
    redis,
    metrics,
    reclaimOrphans: () => reclaimOrphans(metrics.telemetry, log),
    directory,
    async [Symbol.asyncDispose]() {
      await directory.close();
      await cluster.close();
      await secrets.close();
      await bull.close();
      await redis.close();
      await data[Symbol.asyncDispose]();
    },
  };
}

/** How long the API server may take to say that it is there. */
const kubernetesTimeoutMs = 5_000;

/** How long Helm may take to write down that it was interrupted. */
const orphanGraceMs = 20_000;

/** Nothing of a process that was killed may go on beside this one, which would find its releases locked. */
async function reclaimOrphans(telemetry: Telemetry, log: Logger): Promise<void> {
  const orphans = await endOrphans(orphanGraceMs);
  telemetry.reclaimed('process', orphans.length);
  for (const { pid, command } of orphans) log.warn({ kind: 'process', pid, command }, 'reclaimed');
}
