/** What is done every now and then. */
import type { Adapters } from './adapters.ts';
import type { Config } from './config.ts';
import { imageInstance } from './plan-settings.ts';
import type { Chore } from './reconcile/chore.ts';
import type { Ports } from './reconcile/ports.ts';
import { redeliver } from './reconcile/redelivery.ts';
import { sweep } from './reconcile/sweep.ts';
import { removeUnusedImages, unusedImagesEveryMs } from './reconcile/unused-images.ts';

/**
 * The sweep, which anybody may ask for; every now and then in processes with the role `sweep` only. A server apart from other
 * roles has no rights in the cluster: what it asks for triggers what GitHub lists, and the rest waits for the next sweep.
 */
export function sweeping(
  config: Pick<Config, 'ROLES' | 'SWEEP_INTERVAL' | 'INSTANCE' | 'GITHUB_APP_ID'>,
  ports: Ports,
): Chore {
  const instance = imageInstance(config);
  return {
    name: 'sweep',
    by: 'one process',
    everyMs: config.ROLES.includes('sweep') ? config.SWEEP_INTERVAL : undefined,
    catchesUp: true,
    async run(signal) {
      const seesCluster = config.ROLES.includes('sweep') || config.ROLES.includes('worker');
      if (!seesCluster) return void (await sweep({ ...ports, cluster: undefined }, signal, instance));
      try {
        ports.telemetry.swept(await sweep(ports, signal, instance));
      } catch (error) {
        if (!signal.aborted) ports.telemetry.swept(undefined);
        throw error;
      }
    },
  };
}

/** The other chores of the role `sweep`. */
export function sweepChoresOf(
  config: Pick<Config, 'SWEEP_INTERVAL' | 'REGISTRY' | 'IMAGE_RETENTION'>,
  ports: Ports,
): readonly Chore[] {
  return [
    {
      name: 'redelivery',
      by: 'one process',
      everyMs: config.SWEEP_INTERVAL,
      catchesUp: true,
      run: (signal) => redeliver(ports, signal),
    },
    {
      name: 'unused images',
      by: 'one process',
      everyMs: unusedImagesEveryMs,
      catchesUp: false,
      run: (signal) =>
        removeUnusedImages(ports, { registry: config.REGISTRY, retentionMs: config.IMAGE_RETENTION }, signal),
    },
  ];
}

const hourMs = 3_600_000;
const roomEveryMs = 10 * 60_000;
const mirrorsUnusedMs = 30 * 24 * hourMs;

/** The chores of the role `worker`: each process looks after its own machine. */
export function workerChoresOf({ ports, git, reclaimOrphans }: Adapters): readonly Chore[] {
  return [
    {
      name: 'unused mirrors',
      by: 'each process',
      everyMs: 24 * hourMs,
      catchesUp: false,
      async run(signal) {
        const removed = await git.removeUnused(mirrorsUnusedMs, signal);
        if (removed > 0) ports.log.info({ removed }, 'unused mirrors removed');
      },
    },
    {
      name: 'room on the disk',
      by: 'each process',
      everyMs: roomEveryMs,
      catchesUp: false,
      async run(signal) {
        const removed = await git.makeRoom(signal);
        if (removed > 0) ports.log.warn({ removed }, 'mirrors removed: the disk is nearly full');
      },
    },
    // Those of other processes on this machine, which were killed and did not come back.
    { name: 'orphans', by: 'each process', everyMs: hourMs, catchesUp: false, run: reclaimOrphans },
  ];
}
