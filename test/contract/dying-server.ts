/** A server that dies between storing a trigger and answering. */
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { buildServer } from '../../src/server/server.ts';
import { secret } from '../server/delivery.ts';

const log = pino({ level: 'silent' });
const queue = openQueue(await connectRedis({ url: process.argv[2] ?? '' }, log), {}, log);
const app = buildServer({
  secrets: [secret],
  queue: {
    async trigger(key) {
      await queue.trigger(key);
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => undefined);
    },
  },
  onEverything: () => undefined,
  checks: {},
  log,
});
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${(app.server.address() as AddressInfo).port}\n`);
