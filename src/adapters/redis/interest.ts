/**
 * Who waits for which build. The waiters are the truth and the queued jobs only hints: a job whose waiters are gone
 * does nothing, so that cancelling never has to remove a job from under a new request for it.
 */
import type { RedisClient } from './client.ts';
import type { Diagnosis } from '../../domain/preview.ts';
import type { Keys } from './keys.ts';
import { diagnosisSchema } from '../../domain/diagnosis-schema.ts';
import { parsed } from './parsed.ts';

export interface BuildInterest {
  /** Adds the preview to the waiters of each build, and forgets why those failed. */
  join(keyId: string, refs: readonly string[]): Promise<void>;
  /** Takes the preview away from the waiters of all builds but `keep`; returns those that nobody waits for any more. */
  leave(keyId: string, keep: readonly string[]): Promise<readonly string[]>;
  waitingFor(keyId: string): Promise<readonly string[]>;
  waiters(ref: string): Promise<readonly string[]>;
  /**
   * Takes the waiters of a build that has ended, to be triggered; `settled` afterwards. Who comes later waits for the
   * next build. After a crash in between, the same waiters are returned again.
   */
  settle(ref: string): Promise<readonly string[]>;
  settled(ref: string, keyIds: readonly string[]): Promise<void>;
  /** Why the build failed lately. */
  diagnosis(ref: string): Promise<Diagnosis | undefined>;
  saveDiagnosis(ref: string, diagnosis: Diagnosis, ttlMs: number): Promise<void>;
  /** What has kept the build from being done so far; forgotten when it ends. */
  trouble(ref: string): Promise<string | undefined>;
  saveTrouble(ref: string, trouble: string, ttlMs: number): Promise<void>;
}

// Longer than any queue of builds; waiters that are forgotten come back with the sweep.
const interestTtlSeconds = 86_400;

const settleScript = `
for _, keyId in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  redis.call('SREM', ARGV[1] .. keyId, ARGV[2])
  redis.call('SADD', KEYS[2], keyId)
end
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return redis.call('SMEMBERS', KEYS[2])`;

export function buildInterest(client: RedisClient, keys: Keys): BuildInterest {
  return {
    async join(keyId, refs) {
      if (refs.length === 0) return;
      const transaction = client.multi();
      for (const ref of refs) {
        transaction.sadd(keys.waiters(ref), keyId).expire(keys.waiters(ref), interestTtlSeconds);
        transaction.del(keys.diagnosis(ref));
      }
      transaction.sadd(keys.waitingFor(keyId), ...refs).expire(keys.waitingFor(keyId), interestTtlSeconds);
      await transaction.exec();
    },

    async leave(keyId, keep) {
      const waiting = await client.smembers(keys.waitingFor(keyId));
      const dropped = waiting.filter((ref) => !keep.includes(ref));
      if (dropped.length === 0) return [];
      const transaction = client.multi();
      for (const ref of dropped) transaction.srem(keys.waiters(ref), keyId);
      transaction.srem(keys.waitingFor(keyId), ...dropped);
      for (const ref of dropped) transaction.scard(keys.waiters(ref));
      const replies = (await transaction.exec()) ?? [];
      return dropped.filter((_, index) => replies[dropped.length + 1 + index]?.[1] === 0);
    },

    waitingFor: (keyId) => client.smembers(keys.waitingFor(keyId)),

    waiters: (ref) => client.smembers(keys.waiters(ref)),

    async settle(ref) {
      const reply = await client.eval(
        settleScript,
        3,
        keys.waiters(ref),
        keys.settling(ref),
        keys.trouble(ref),
        keys.waitingFor(''),
        ref,
        interestTtlSeconds,
      );
      return reply as string[];
    },

    async settled(ref, keyIds) {
      if (keyIds.length > 0) await client.srem(keys.settling(ref), ...keyIds);
    },

    async diagnosis(ref) {
      return parsed(diagnosisSchema, await client.get(keys.diagnosis(ref)));
    },

    async saveDiagnosis(ref, diagnosis, ttlMs) {
      await client.set(keys.diagnosis(ref), JSON.stringify(diagnosis), 'PX', ttlMs);
    },

    async trouble(ref) {
      return (await client.get(keys.trouble(ref))) ?? undefined;
    },

    async saveTrouble(ref, trouble, ttlMs) {
      await client.set(keys.trouble(ref), trouble, 'PX', Math.ceil(ttlMs));
    },
  };
}
