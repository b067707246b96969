/** Messages between processes: hints that may be lost, so that after each reconnection everything is looked at again. */
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
  let isFirst = client.status !== 'ready';
  client.on('ready', () => {
    // ioredis subscribes again by itself before it is ready.
    if (!isFirst) onGap();
    isFirst = false;
  });
  return { close: () => client.disconnect() };
}
