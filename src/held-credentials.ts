/** The credentials that Berth holds from its start on. */
import type { KubeConfig } from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { parseRedisUrl } from './domain/redis-address.ts';

/** Those in the configuration. */
export function credentialsIn(config: Config): readonly string[] {
  const { GITHUB_PRIVATE_KEY, GITHUB_WEBHOOK_SECRET, GITHUB_WEBHOOK_SECRET_OLD } = config;
  const { REDIS_URL, REDIS_PASSWORD, REDIS_SENTINEL_PASSWORD, REDIS_KEY } = config;
  const redis = parseRedisUrl(REDIS_URL);
  const inUrl =
    typeof redis === 'string' || redis.password === undefined
      ? []
      : [redis.password, encodeURIComponent(redis.password)];
  const all = [
    GITHUB_PRIVATE_KEY,
    GITHUB_WEBHOOK_SECRET,
    GITHUB_WEBHOOK_SECRET_OLD,
    ...inUrl,
    REDIS_PASSWORD,
    REDIS_SENTINEL_PASSWORD,
    REDIS_KEY,
  ];
  return all.filter((each) => each !== undefined);
}

/** What speaks for us to the API server, as far as it is written down: a token, a password, a private key. */
export function clusterCredentials(kubeConfig: KubeConfig): readonly string[] {
  return kubeConfig.getUsers().flatMap(({ token, password, keyData, authProvider }) => {
    const key = keyData === undefined ? undefined : Buffer.from(keyData, 'base64').toString('utf8');
    const { tokenFile } = (authProvider?.config ?? {}) as { tokenFile?: unknown };
    // Replaced about hourly, by others of a shape that is known.
    const fromFile = typeof tokenFile === 'string' ? readFileSync(tokenFile, 'utf8') : undefined;
    return [token, password, keyData, key, fromFile].filter((each) => each !== undefined);
  });
}
