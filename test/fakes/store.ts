import type { Status } from '../../src/domain/status.ts';
import type { Clock, Store } from '../../src/ports.ts';

/** `Store` in memory. */
export function fakeStore(clock: Clock): Store {
  const statuses = new Map<string, Status>();
  const logs = new Map<string, readonly string[]>();
  const cache = new Map<string, { readonly value: string; readonly expiresAt: number }>();
  const claims = new Map<string, { readonly owner: symbol; readonly expiresAt: number }>();
  return {
    async saveStatus(_, name, status) {
      statuses.set(name, structuredClone(status));
    },
    async status(name) {
      return statuses.get(name);
    },
    async appendLog(ref, lines) {
      const all = [...(logs.get(ref) ?? []), ...lines].slice(-2_000);
      let sizeBytes = all.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
      let first = 0;
      for (; sizeBytes > 512 * 1024; first += 1) sizeBytes -= Buffer.byteLength(all[first] ?? '');
      logs.set(ref, all.slice(first));
    },
    async log(ref) {
      return logs.get(ref) ?? [];
    },
    async get(cacheKey) {
      const entry = cache.get(cacheKey);
      return entry && entry.expiresAt > clock.now() ? entry.value : undefined;
    },
    async set(cacheKey, value, ttlMs) {
      cache.set(cacheKey, { value, expiresAt: clock.now() + ttlMs });
    },
    async forget(cacheKey) {
      cache.delete(cacheKey);
    },
    async claim(name, ttlMs) {
      const owner = Symbol(name);
      const isOurs = () => {
        const held = claims.get(name);
        return held?.owner === owner && held.expiresAt > clock.now();
      };
      const held = claims.get(name);
      if (held && held.expiresAt > clock.now()) return undefined;
      claims.set(name, { owner, expiresAt: clock.now() + ttlMs });
      return {
        async renew() {
          if (!isOurs()) return false;
          claims.set(name, { owner, expiresAt: clock.now() + ttlMs });
          return true;
        },
        async release() {
          if (isOurs()) claims.delete(name);
        },
      };
    },
  };
}
