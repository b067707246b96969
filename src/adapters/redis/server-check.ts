/** Whether a Redis server is fit to hold queues. */

/** `ZADD … LT`, `LPOS` and what else BullMQ wants are there since 6.2. */
export const minimumVersion = [6, 2] as const;

/** Waiting does not help: somebody has to change the server. */
class UnfitServerError extends Error {
  override readonly name = 'UnfitServerError';
}

/**
 * @param info the reply of `INFO`.
 * @throws UnfitServerError, one sentence that says what to change.
 */
export function checkServer(info: string): void {
  const fields = fieldsOf(info);
  // Valkey tells the Redis version that it stands for.
  const version = fields.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < minimumVersion[0] || (major === minimumVersion[0] && minor < minimumVersion[1])) {
    throw new UnfitServerError(
      `Redis ${version || 'of unknown version'} is too old: use ${minimumVersion.join('.')} or later`,
    );
  }
  const policy = fields.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new UnfitServerError(
      `Redis may throw queued work away (maxmemory-policy is ${policy ?? 'unknown'}): set maxmemory-policy noeviction`,
    );
  }
}

/** The reply of `INFO` as a map. */
export function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split(/\r?\n/).map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
}
