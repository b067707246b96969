/**
 * A worker in a process of its own that takes a preview over and writes to its namespace a while later, without asking its
 * signal: as a pass does that is stopped just before a write. Says each step on standard output.
 */
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { kubernetesCluster } from '../../src/adapters/kubernetes/cluster.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { openQueue } from '../../src/adapters/redis/queue.ts';
import { FencedError } from '../../src/domain/errors.ts';
import { lookAtFence } from '../../src/reconcile/fence.ts';
import { stackAccess } from './kubernetes-stack.ts';
import { shortLocks } from './short-locks.ts';

const [redisUrl = '', instance = '', revision = ''] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const log = pino({ level: 'info' }, pino.destination({ fd: 1, sync: true }));
const cluster = kubernetesCluster(stackAccess(), { instance });
const redis = await connectRedis({ url: redisUrl }, log);
const { signal } = new AbortController();
let hasRun = false;
await openQueue(redis, shortLocks, log).work({
  async reconcile(key, run) {
    // What follows, e.g. because this one was fenced, is not what the test looks at.
    if (hasRun) return;
    hasRun = true;
    run.signal.addEventListener('abort', () => say({ interrupted: true }));
    try {
      const fence = await lookAtFence(cluster, key, signal);
      const held = await cluster.fence(key, signal);
      if (!held) throw new Error('there is no namespace');
      const claimed = await fence.claim(held.name, held.uid);
      say({ claimed: revision });
      await setTimeout(500);
      await cluster.recordRevision(claimed, revision, signal);
      say({ wrote: revision });
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      say({ fenced: revision });
      throw error;
    }
  },
  build: async () => undefined,
});
say({ ready: true });
