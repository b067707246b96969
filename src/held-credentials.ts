/** The credentials that Berth holds from its start on. */
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
