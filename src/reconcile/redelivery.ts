import type { Ports } from './ports.ts';

const seenKey = 'deliveries-seen-until';

/** GitHub sends nothing again that is older. Source: docs.github.com/webhooks, "Redelivering webhooks". */
const keptMs = 3 * 86_400_000;

/** Has GitHub send again what did not arrive since it was last asked, for as long as GitHub keeps it. */
export async function redeliver(
  { forge, store, clock, telemetry, log }: Pick<Ports, 'forge' | 'store' | 'clock' | 'telemetry' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const since = Number((await store.get(seenKey)) ?? clock.now() - keptMs);
  const { redelivered, seenUntil } = await forge.redeliver(since, signal);
  if (redelivered > 0) {
    telemetry.reclaimed('delivery', redelivered);
    log.warn({ kind: 'delivery', count: redelivered, since: new Date(since).toISOString() }, 'reclaimed');
  }
  await store.set(seenKey, String(seenUntil), keptMs);
}
