/** How a configuration says that Redis is to be reached. */
import type { RedisAccess } from './adapters/redis/client.ts';
import type { Config } from './config.ts';

type RedisConfig = Pick<
  Config,
  | 'REDIS_URL'
  | 'REDIS_PASSWORD'
  | 'REDIS_SENTINEL_PASSWORD'
  | 'REDIS_CA'
  | 'REDIS_CERTIFICATE'
  | 'REDIS_KEY'
  | 'REDIS_PREFIX'
>;

/** For the program and for the doctor alike. */
export function redisAccess(config: RedisConfig): RedisAccess & { readonly prefix: string } {
  return {
    url: config.REDIS_URL,
    password: config.REDIS_PASSWORD,
    sentinelPassword: config.REDIS_SENTINEL_PASSWORD,
    ca: config.REDIS_CA,
    certificate: config.REDIS_CERTIFICATE,
    key: config.REDIS_KEY,
    prefix: config.REDIS_PREFIX,
  };
}
