/** What is done every now and then, by one process of all. */
import type { Config } from './config.ts';
import type { Chore } from './reconcile/chore.ts';
import type { Ports } from './reconcile/ports.ts';
import { redeliver } from './reconcile/redelivery.ts';
import { sweep } from './reconcile/sweep.ts';
import { removeUnusedImages, unusedImagesEveryMs } from './reconcile/unused-images.ts';

/** The sweep, which anybody may ask for; every now and then in processes with the role `sweep` only. */
export function sweeping(config: Pick<Config, 'ROLES' | 'SWEEP_INTERVAL'>, ports: Ports): Chore {
  return {
    name: 'sweep',
    everyMs: config.ROLES.includes('sweep') ? config.SWEEP_INTERVAL : undefined,
    catchesUp: true,
    async run(signal) {
      try {
        ports.telemetry.swept(await sweep(ports, signal));
      } catch (error) {
        if (!signal.aborted) ports.telemetry.swept(undefined);
        throw error;
      }
    },
  };
}

/** The other chores of the role `sweep`. */
export function choresOf(
  config: Pick<Config, 'SWEEP_INTERVAL' | 'REGISTRY' | 'IMAGE_RETENTION'>,
  ports: Ports,
): readonly Chore[] {
  return [
    {
      name: 'redelivery',
      everyMs: config.SWEEP_INTERVAL,
      catchesUp: true,
      run: (signal) => redeliver(ports, signal),
    },
    {
      name: 'unused images',
      everyMs: unusedImagesEveryMs,
      catchesUp: false,
      run: (signal) =>
        removeUnusedImages(ports, { registry: config.REGISTRY, retentionMs: config.IMAGE_RETENTION }, signal),
    },
  ];
}
