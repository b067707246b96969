import { randomBytes } from 'node:crypto';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { compileCache } from '../compile-cache.ts';

/** What Berth needs to know of the GitHub it talks to. */
export interface GitHubCoordinates {
  readonly apiUrl: string;
  readonly app: { readonly id: number; readonly privateKey: string; readonly webhookSecret: string };
}

/** A word that no other run uses: separates runs on one cluster, one Redis and one registry. */
export function uniqueWord(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

/** The environment of a Berth on the local stack; `instance` keeps it apart from every other Berth there. */
export function berthEnvironment(
  stack: LocalStack,
  github: GitHubCoordinates,
  { instance, dataDir }: { readonly instance: string; readonly dataDir: string },
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    ...compileCache,
    BERTH_LISTEN: '127.0.0.1:0',
    BERTH_GATEWAY_LISTEN: '127.0.0.1:0',
    BERTH_OPERATIONS_LISTEN: '127.0.0.1:0',
    BERTH_LOG_LEVEL: 'debug',
    BERTH_INSTANCE: instance,
    BERTH_DATA_DIR: dataDir,
    BERTH_GITHUB_API_URL: github.apiUrl,
    BERTH_GITHUB_APP_ID: String(github.app.id),
    BERTH_GITHUB_PRIVATE_KEY: github.app.privateKey,
    BERTH_GITHUB_WEBHOOK_SECRET: github.app.webhookSecret,
    BERTH_REDIS_URL: stack.redisUrl,
    BERTH_REDIS_PREFIX: `{${instance}}`,
    BERTH_REGISTRY: `${stack.registry}/${instance}`,
    BERTH_BUILDKIT: `docker:${stack.dockerHost}`,
    BERTH_BUILDKIT_UNTRUSTED: `docker:${stack.untrustedDockerHost}`,
    BERTH_BUILDX: stack.tools.buildx,
    BERTH_GIT: stack.tools.git,
    BERTH_HELM: stack.tools.helm,
    BERTH_KUBECONFIG: stack.kubeconfig,
    // The gateway runs on this machine.
    BERTH_GATEWAY_CIDRS: `${stack.hostFromPods}/32`,
    BERTH_SWEEP_INTERVAL: '10s',
    BERTH_PREVIEW_DOMAIN: 'localhost',
    BERTH_PREVIEW_SCHEME: 'http',
  };
}
