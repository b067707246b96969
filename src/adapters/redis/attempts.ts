/**
 * What is known of a preview between its looks: whether somebody told us of it since it was last brought to where it should
 * be, and how often that has failed since. Kept apart from the jobs, where the newest of two that become one would overwrite
 * what the other knew. Forgetting it is harmless: a look then counts as found by the sweep, and the back-off begins anew.
 */
import { randomUUID } from 'node:crypto';
import type { RedisClient } from './client.ts';
import type { Keys } from './keys.ts';

export interface Attempts {
  /** Somebody told us: what failed before does not count any more. `at`: when the event came, if one did. */
  told(keyId: string, at?: number): Promise<void>;
  /** Takes what is there for a run. */
  take(keyId: string): Promise<Told>;
  /** What was told still stands, even if it was forgotten meanwhile. */
  stands(keyId: string, told: Told): Promise<void>;
  /** One more failure of a run about `since`. @returns how many there are in a row. */
  failed(keyId: string, since: number | undefined): Promise<number>;
  /** Success: forgets everything, unless something else than `word` has been told meanwhile. */
  succeeded(keyId: string, word: string | undefined): Promise<void>;
}

export interface Told {
  /** A word for what was told last; `undefined` when nothing was since the last success. */
  readonly word: string | undefined;
  /**
   * When the first event came that no run has taken yet, in milliseconds since the epoch. Only measured with: it is lost with
   * whoever took it.
   */
  readonly since: number | undefined;
}

// Longer than the longest wait between two attempts.
const ttlSeconds = 86_400;

const toldScript = `
redis.call('HSET', KEYS[1], 'told', ARGV[1])
redis.call('HDEL', KEYS[1], 'failures')
if ARGV[3] ~= '' then redis.call('HSETNX', KEYS[1], 'since', ARGV[3]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])`;

const takeScript = `
local told = redis.call('HMGET', KEYS[1], 'told', 'since')
redis.call('HDEL', KEYS[1], 'since')
return told`;

const standsScript = `
redis.call('HSETNX', KEYS[1], 'told', ARGV[1])
if ARGV[3] ~= '' then redis.call('HSETNX', KEYS[1], 'since', ARGV[3]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])`;

const failedScript = `
if ARGV[2] ~= '' then redis.call('HSETNX', KEYS[1], 'since', ARGV[2]) end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return failures`;

const succeededScript = `if (redis.call('HGET', KEYS[1], 'told') or '') == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

export function previewAttempts(client: RedisClient, keys: Keys): Attempts {
  return {
    async told(keyId, at) {
      await client.eval(toldScript, 1, keys.attempts(keyId), randomUUID(), ttlSeconds, at ?? '');
    },

    async take(keyId) {
      const [word, since] = (await client.eval(takeScript, 1, keys.attempts(keyId))) as readonly (string | null)[];
      return { word: word ?? undefined, since: since ? Number(since) : undefined };
    },

    async stands(keyId, { word = '', since }) {
      await client.eval(standsScript, 1, keys.attempts(keyId), word, ttlSeconds, since ?? '');
    },

    async failed(keyId, since) {
      return Number(await client.eval(failedScript, 1, keys.attempts(keyId), ttlSeconds, since ?? ''));
    },

    async succeeded(keyId, word) {
      await client.eval(succeededScript, 1, keys.attempts(keyId), word ?? '');
    },
  };
}
