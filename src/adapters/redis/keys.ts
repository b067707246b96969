/** Where things live in Redis. All keys share one hash tag, so that a Redis Cluster keeps them on one node. */
import { createHash } from 'node:crypto';

/** Prefix of every key, BullMQ's included; tests use their own to share a server. */
export const defaultPrefix = '{berth}';

/** A build's identity as one short word: references hold `:` and `/`, and have no useful bound. */
export function buildId(ref: string): string {
  return createHash('sha256').update(ref).digest('hex').slice(0, 32);
}

export interface Keys {
  /** Channels. */
  readonly nudges: string;
  readonly cancellations: string;
  /** Set: previews (key ids) to trigger when the build ends. */
  waiters(ref: string): string;
  /** Set: previews whose trigger is being sent since the build ended; empty but for moments, or after a crash. */
  settling(ref: string): string;
  /** String: why the build failed lately, as JSON. */
  diagnosis(ref: string): string;
  /** String: what has kept the build from being done so far. */
  trouble(ref: string): string;
  /** Set: references that one preview waits for. `keyId` may be empty, to get the prefix. */
  waitingFor(keyId: string): string;
  /** Hash: what was told of the preview, and how often it failed since. */
  attempts(keyId: string): string;
  status(name: string): string;
  log(ref: string): string;
  cache(cacheKey: string): string;
  /** String: who may do what this name stands for. */
  claim(name: string): string;
}

export function keysWith(prefix: string): Keys {
  return {
    nudges: `${prefix}:nudges`,
    cancellations: `${prefix}:cancellations`,
    waiters: (ref) => `${prefix}:build:${buildId(ref)}:waiters`,
    settling: (ref) => `${prefix}:build:${buildId(ref)}:settling`,
    diagnosis: (ref) => `${prefix}:build:${buildId(ref)}:diagnosis`,
    trouble: (ref) => `${prefix}:build:${buildId(ref)}:trouble`,
    waitingFor: (keyId) => `${prefix}:waiting-for:${keyId}`,
    attempts: (keyId) => `${prefix}:attempts:${keyId}`,
    status: (name) => `${prefix}:status:${name}`,
    log: (ref) => `${prefix}:log:${buildId(ref)}`,
    cache: (cacheKey) => `${prefix}:cache:${cacheKey}`,
    claim: (name) => `${prefix}:claim:${name}`,
  };
}
