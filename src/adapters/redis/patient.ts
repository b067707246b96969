/** Clients whose commands wait for Redis as long as it takes, as BullMQ's workers want them. */
import { type RedisAccess, redisClient, type RedisClient } from './client.ts';

/**
 * A patient client. Its `disconnect` ends it for good, with those that BullMQ duplicates from it to block on: BullMQ may be about
 * to reconnect one when its worker is closed while Redis is away, and nothing else would end that.
 */
export function patientClient(access: RedisAccess, retryAfterMs: (attempt: number) => number): RedisClient {
  let isOver = false;
  const client = redisClient(access, {
    isPatient: true,
    retryAfterMs: (attempt) => (isOver ? null : retryAfterMs(attempt)),
  });
  const copies: RedisClient[] = [];
  const disconnect = client.disconnect.bind(client);
  const duplicate = client.duplicate.bind(client) as (...args: readonly unknown[]) => RedisClient;
  // Its troubles are those of the connection that fails at once, which are logged.
  client.on('error', () => undefined);
  // The very object is changed: BullMQ knows a client by its class.
  return Object.assign(client, {
    duplicate(...args: readonly unknown[]) {
      const copy = duplicate(...args);
      copy.on('error', () => undefined);
      copy.on('connect', () => {
        if (isOver) copy.disconnect();
      });
      copies.push(copy);
      return copy;
    },
    disconnect(reconnect = false) {
      disconnect(reconnect);
      if (reconnect) return;
      isOver = true;
      for (const copy of copies) copy.disconnect();
    },
  });
}
