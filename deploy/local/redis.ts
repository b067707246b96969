import { createConnection } from 'node:net';
import { mkdir } from 'node:fs/promises';
import { ports } from './addresses.ts';
import { startDaemon } from './daemons.ts';
import type { Places } from './places.ts';

/** How programs reach the stack's Redis. */
export const redisUrl = `redis://127.0.0.1:${ports.redis}`;

/** Starts Redis as a queue wants it: it never drops a key by itself, and it remembers across restarts. */
export async function startRedis(places: Places, redisServer: string): Promise<void> {
  await mkdir(places.redis, { recursive: true });
  await startDaemon(places, {
    name: 'redis',
    argv: [
      redisServer,
      '--bind',
      '127.0.0.1',
      '--port',
      `${ports.redis}`,
      '--dir',
      places.redis,
      '--appendonly',
      'yes',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
      // A process title would overwrite the environment, which is how our processes are found.
      '--set-proc-title',
      'no',
    ],
    ready: redisAnswers,
  });
}

/** Whether Redis says PONG. */
export function redisAnswers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port: ports.redis, timeout: 2000 });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}
