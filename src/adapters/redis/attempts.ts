/**
 * What is known of a preview between its looks: whether somebody told us of it since it was last brought to where it should
 * be, and how often that has failed since. Kept apart from the jobs, where the newest of two that become one would overwrite
 * what the other knew. Forgetting it is harmless: a look then counts as found by the sweep, and the back-off begins anew.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

export interface Attempts {
  /** Somebody told us: what failed before does not count any more. */
  told(keyId: string): Promise<void>;
  /** A word for what was told last; `undefined` when nothing was since the last success. */
  lastTold(keyId: string): Promise<string | undefined>;
  /** What was told still stands, even if it was forgotten meanwhile. */
  stands(keyId: string, word: string): Promise<void>;
  /** One more failure. @returns how many there are in a row. */
  failed(keyId: string): Promise<number>;
  /** Success: forgets everything, unless something else than `word` has been told meanwhile. */
  succeeded(keyId: string, word: string | undefined): Promise<void>;
}

// Longer than the longest wait between two attempts.
const ttlSeconds = 86_400;

const toldScript = `
redis.call('HSET', KEYS[1], 'told', ARGV[1])
redis.call('HDEL', KEYS[1], 'failures')
redis.call('EXPIRE', KEYS[1], ARGV[2])`;

const standsScript = `
redis.call('HSETNX', KEYS[1], 'told', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])`;

const failedScript = `
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return failures`;

const succeededScript = `if (redis.call('HGET', KEYS[1], 'told') or '') == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

export function previewAttempts(client: Redis, keys: Keys): Attempts {
  return {
    async told(keyId) {
      await client.eval(toldScript, 1, keys.attempts(keyId), randomUUID(), ttlSeconds);
    },

    async lastTold(keyId) {
      return (await client.hget(keys.attempts(keyId), 'told')) ?? undefined;
    },

    async stands(keyId, word) {
      await client.eval(standsScript, 1, keys.attempts(keyId), word, ttlSeconds);
    },

    async failed(keyId) {
      return Number(await client.eval(failedScript, 1, keys.attempts(keyId), ttlSeconds));
    },

    async succeeded(keyId, word) {
      await client.eval(succeededScript, 1, keys.attempts(keyId), word ?? '');
    },
  };
}
