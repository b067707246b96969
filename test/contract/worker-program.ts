/**
 * A worker in a process of its own that does nothing but say what it is asked to do: each run, and each line of its log, is a
 * line of JSON on standard output. Runs of pull requests above 1,000 go on until they are interrupted.
 */
import { once } from 'node:events';
import { pino } from 'pino';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { keyId } from '../../src/domain/preview.ts';
import { shortLocks } from './short-locks.ts';

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const log = pino({ level: 'info' }, pino.destination({ fd: 1, sync: true }));
const redis = await connectRedis({ url: process.argv[2] ?? '', commandTimeoutMs: 1_000 }, log);
await openQueue(redis, shortLocks, log).work({
  async reconcile(key, { by, signal }) {
    say({ run: keyId(key), by });
    if (key.number <= 1_000) return;
    if (!signal.aborted) await once(signal, 'abort');
    say({ interrupted: keyId(key) });
    throw signal.reason;
  },
  async build(job) {
    say({ build: job.name });
  },
});
say({ ready: true });
