/** How much there is in a BullMQ queue. */
import type { Queue } from 'bullmq';
import type { QueueLoad } from '../../telemetry.ts';

/** A handful of commands, however long the queue is. */
export async function loadOf(queue: Pick<Queue, 'name' | 'getJobCounts' | 'getJobs'>): Promise<QueueLoad> {
  const [counts, [waiting], [active]] = await Promise.all([
    queue.getJobCounts('waiting', 'active', 'delayed'),
    queue.getJobs(['waiting'], 0, 0, true),
    queue.getJobs(['active'], 0, 0, true),
  ]);
  const now = Date.now();
  const since = (at: number | undefined) => (at === undefined ? 0 : Math.max(now - at, 0));
  return {
    queue: queue.name,
    waiting: counts['waiting'] ?? 0,
    // One that was delayed began to wait when it was due.
    waitingMs: since(waiting && waiting.timestamp + (waiting.opts.delay ?? 0)),
    active: counts['active'] ?? 0,
    activeMs: since(active?.processedOn),
    delayed: counts['delayed'] ?? 0,
  };
}
