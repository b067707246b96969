/** A worker in a process of its own, to be killed: reports each run on standard output and then waits for ever. */
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { keyId } from '../../src/domain/preview.ts';
import { shortLocks } from './short-locks.ts';

const log = pino({ level: 'silent' });
const redis = await connectRedis({ url: process.argv[2] ?? '' }, log);
await openQueue(redis, shortLocks, log).work({
  async reconcile(key) {
    process.stdout.write(`run ${keyId(key)}\n`);
    await new Promise(() => undefined);
  },
  async build(job) {
    process.stdout.write(`build ${job.name}\n`);
    await new Promise(() => undefined);
  },
});
process.stdout.write('ready\n');
