/** Messages between processes: hints that may be lost, so that after each reconnection everything is looked at again. */
import { Cluster } from 'ioredis';
import type { RedisConnection } from './connection.ts';

export interface Subscription {
  close(): void;
}

/**
 * Listens on channels until closed. `onGap` is called when messages may have been missed. Resolves once listening.
 */
export async function subscribe(
  redis: RedisConnection,
  channels: Readonly<Record<string, (message: string) => void>>,
  onGap: () => void,
): Promise<Subscription> {
  const client = redis.patient();
  client.on('message', (channel: string, message: string) => channels[channel]?.(message));
  await client.subscribe(...Object.keys(channels));
  // ioredis subscribes again by itself. In a Cluster it listens to one server, and tells when it has chosen another.
  if (client instanceof Cluster) client.on('+subscriber', onGap);
  let isFirst = client.status !== 'ready';
  client.on('ready', () => {
    if (!isFirst) onGap();
    isFirst = false;
  });
  return { close: () => client.disconnect() };
}
