/** What is looked at when it is asked for: queues, and whether what Berth needs is there. */
import { Gauge, type Registry } from 'prom-client';
import type { QueueLoad } from '../telemetry.ts';

/** What can be looked at; each look may fail or hang. */
export interface LookedAt {
  /** How much there is in each queue. */
  readonly queues?: () => Promise<readonly QueueLoad[]>;
  /** By name; resolves when it answers. */
  readonly dependencies?: Readonly<Record<string, () => Promise<unknown>>>;
}

/** Prometheus waits 10 s for all of it by default. */
const lookTimeoutMs = 1_000;

/** @returns looks at everything at once; resolves within about a second, whatever is wrong. */
export function lookedAtMetrics(
  registers: Registry[],
  { queues = async () => [], dependencies = {} }: LookedAt,
): () => Promise<void> {
  const jobs = new Gauge({
    name: 'berth_queue_jobs',
    help:
      'Jobs by queue ("previews": looks at a preview, "builds") and state: waiting, active, delayed. All processes tell the same: ' +
      'look at the highest. Missing while Redis does not answer.',
    labelNames: ['queue', 'state'],
    registers,
  });
  const ages = new Gauge({
    name: 'berth_queue_oldest_job_age_seconds',
    help: 'How long the oldest job has been waiting or active; 0 without one. All processes tell the same: look at the highest.',
    labelNames: ['queue', 'state'],
    registers,
  });
  const up = new Gauge({
    name: 'berth_dependency_up',
    help: 'Whether what Berth needs answers this process within a second: 1 or 0.',
    labelNames: ['dependency'],
    registers,
  });
  const lookAtQueues = shared(queues);
  const looks = Object.entries(dependencies).map(
    ([dependency, check]) => [dependency, shared(async () => check().then(() => true))] as const,
  );

  return async () => {
    const depths = lookAtQueues().then((loads) => {
      jobs.reset();
      ages.reset();
      for (const { queue, waiting, waitingMs, active, activeMs, delayed } of loads ?? []) {
        jobs.set({ queue, state: 'waiting' }, waiting);
        jobs.set({ queue, state: 'active' }, active);
        jobs.set({ queue, state: 'delayed' }, delayed);
        ages.set({ queue, state: 'waiting' }, waitingMs / 1_000);
        ages.set({ queue, state: 'active' }, activeMs / 1_000);
      }
    });
    const answers = looks.map(async ([dependency, look]) => {
      up.set({ dependency }, (await look()) === undefined ? 0 : 1);
    });
    await Promise.all([depths, ...answers]);
  };
}

/** A bounded look; whoever asks while one is under way shares it, so that something that hangs is asked once. */
function shared<T>(look: () => Promise<T>): () => Promise<T | undefined> {
  let looking: Promise<T | undefined> | undefined;
  return () => {
    looking ??= look()
      // What is wrong is in the log of the part itself.
      .catch(() => undefined)
      .finally(() => (looking = undefined));
    return within(lookTimeoutMs, looking);
  };
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, timeoutMs, undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
