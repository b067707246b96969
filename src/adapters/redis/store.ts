/** The port `Store`: nothing here outlives its time to live, and nothing here is missed when Redis is emptied. */
import { randomUUID } from 'node:crypto';
import type { RedisClient } from './client.ts';
import type { Store } from '../../ports.ts';
import { defaultPrefix, keysWith } from './keys.ts';
import { parsed, statusSchema, written } from './parsed.ts';

const statusTtlSeconds = 30 * 86_400;
const logTtlSeconds = 7 * 86_400;
const maxLogLines = 2_000;
const maxLogBytes = 512 * 1024;
const maxLineLength = 8_192;

// Keeps the end of a log: drops what is beyond the number of lines, then the oldest lines until the rest is small
// enough. The size is counted beside the list, so that appending does not read the whole.
const appendScript = `
for i = 4, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[i])
  redis.call('INCRBY', KEYS[2], #ARGV[i])
end
while redis.call('LLEN', KEYS[1]) > tonumber(ARGV[1])
  or (tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[2]) and redis.call('LLEN', KEYS[1]) > 0) do
  redis.call('DECRBY', KEYS[2], #redis.call('LPOP', KEYS[1]))
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])`;

// Only whoever holds a claim may change it.
const renewScript = `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0`;
const releaseScript = `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0`;

export function redisStore(client: RedisClient, prefix: string = defaultPrefix): Store {
  const keys = keysWith(prefix);
  return {
    async saveStatus(_, name, status) {
      await client.set(keys.status(name), written(status), 'EX', statusTtlSeconds);
    },

    async status(name) {
      return parsed(statusSchema, await client.get(keys.status(name)));
    },

    async appendLog(ref, lines) {
      if (lines.length === 0) return;
      const last = lines.slice(-maxLogLines).map((line) => line.slice(0, maxLineLength));
      const key = keys.log(ref);
      await client.eval(appendScript, 2, key, `${key}:size`, maxLogLines, maxLogBytes, logTtlSeconds, ...last);
    },

    log: (ref) => client.lrange(keys.log(ref), 0, -1),

    async get(cacheKey) {
      return (await client.get(keys.cache(cacheKey))) ?? undefined;
    },

    async set(cacheKey, value, ttlMs) {
      if (ttlMs > 0) await client.set(keys.cache(cacheKey), value, 'PX', Math.ceil(ttlMs));
    },

    async forget(cacheKey) {
      await client.del(keys.cache(cacheKey));
    },

    async claim(name, ttlMs) {
      const key = keys.claim(name);
      const owner = randomUUID();
      if ((await client.set(key, owner, 'PX', Math.ceil(ttlMs), 'NX')) === null) return undefined;
      return {
        renew: async () => (await client.eval(renewScript, 1, key, owner, Math.ceil(ttlMs))) === 1,
        async release() {
          await client.eval(releaseScript, 1, key, owner);
        },
      };
    },
  };
}
