/**
 * Webhooks that did not arrive: GitHub sends each one once, and again only when it is asked to.
 * Source: docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries.
 */
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock, Redelivery } from '../../ports.ts';
import type { Client } from './client.ts';
import { RefusedError } from './refused-error.ts';

/** One attempt to deliver an event. */
export interface Attempt {
  readonly id: number;
  /** The same for every attempt at one event. */
  readonly guid: string;
  /** Milliseconds since the epoch, by GitHub's clock, in whole seconds. */
  readonly at: number;
  readonly hasArrived: boolean;
}

export interface Deliveries {
  /** See `Forge.redeliver`. */
  redeliver(since: number, signal: AbortSignal): Promise<Redelivery>;
}

const attemptsAnswer = z.array(
  z.object({ id: z.number(), guid: z.string(), delivered_at: z.iso.datetime({ offset: true }), status_code: z.int() }),
);

const minuteMs = 60_000;
/** What is older cannot be sent again. Source: docs.github.com, "Redelivering webhooks": "in the past 3 days". */
const reachMs = 3 * 24 * 60 * minuteMs;
/** An attempt "can take a few minutes" to show up in the list. Source: docs.github.com, "Troubleshooting webhooks". */
const latenessMs = 10 * minuteMs;
/** In one call: each takes a second of the pace of writes. What is left is asked for by the next. */
const mostPerCall = 60;
/** How often one event is asked for: what our server refuses every time would otherwise be asked for for ever. */
const mostPerEvent = 5;
/** An attempt that was asked for shows up in the list only when it is over. */
const pendingMs = minuteMs;
/** A hundred thousand deliveries; an end to a list that has none. */
const mostPages = 1_000;

export function createDeliveries(client: Client, clock: Clock, log: Pick<Logger, 'info' | 'warn'>): Deliveries {
  /** By GUID: what was asked for, and how often. */
  const asked = new Map<string, { readonly times: number; readonly at: number }>();

  /** Newest first, back to `since` and a bit further. */
  async function attemptsSince(since: number, signal: AbortSignal): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = [];
    let cursor: string | undefined;
    for (let page = 1; page <= mostPages; page += 1) {
      const parameters = { per_page: 100, ...(cursor !== undefined && { cursor }) };
      const { value, nextCursor } = await client.getAnew(
        'app',
        'GET /app/hook/deliveries',
        parameters,
        attemptsAnswer,
        signal,
      );
      for (const { id, guid, delivered_at: deliveredAt, status_code: status } of value)
        attempts.push({ id, guid, at: Date.parse(deliveredAt), hasArrived: status >= 200 && status < 300 });
      const oldest = attempts.at(-1);
      if (nextCursor === undefined || nextCursor === cursor || !oldest || oldest.at < since) return attempts;
      cursor = nextCursor;
    }
    log.warn({ pages: mostPages }, 'not all failed deliveries are looked at');
    return attempts;
  }

  /** Whether to ask for it: not while an attempt is under way, and not for ever. */
  function isWorthAsking({ guid }: Attempt): boolean {
    const before = asked.get(guid);
    return !before || (before.times < mostPerEvent && clock.now() - before.at >= pendingMs);
  }

  async function ask({ id, guid }: Attempt, signal: AbortSignal): Promise<boolean> {
    const times = (asked.get(guid)?.times ?? 0) + 1;
    const route = 'POST /app/hook/deliveries/{delivery_id}/attempts';
    try {
      await client.write('app', route, { delivery_id: id }, z.unknown(), signal);
    } catch (error) {
      // GitHub does not have it any more, or finds nothing to repeat. Any other refusal is about more than this one.
      if (!(error instanceof RefusedError) || ![400, 404, 422].includes(error.status)) throw error;
      log.info({ deliveryId: guid, reason: error.message }, 'delivery cannot be repeated');
      asked.set(guid, { times: mostPerEvent, at: clock.now() });
      return false;
    }
    asked.set(guid, { times, at: clock.now() });
    if (times === mostPerEvent) log.warn({ deliveryId: guid, times }, 'delivery asked for one last time');
    return true;
  }

  return {
    async redeliver(since, signal) {
      const from = Math.max(since, clock.now() - reachMs);
      for (const [guid, { at }] of asked) if (at < clock.now() - reachMs) asked.delete(guid);
      const attempts = await attemptsSince(from, signal);
      const missed = undelivered(attempts, from).filter(isWorthAsking);
      let redelivered = 0;
      for (const attempt of missed.slice(0, mostPerCall)) if (await ask(attempt, signal)) redelivered += 1;
      // By GitHub's clock, which ours may be ahead of.
      const newestAt = Math.max(...attempts.map(({ at }) => at));
      const seenUntil = Math.min(missed[mostPerCall]?.at ?? Number.POSITIVE_INFINITY, newestAt - latenessMs);
      return { redelivered, seenUntil: Math.max(seenUntil, since) };
    },
  };
}

/** The last attempt at each event of which none has arrived, oldest first; those before `since` are left out. */
export function undelivered(attempts: readonly Attempt[], since: number): readonly Attempt[] {
  const last = new Map<string, Attempt>();
  for (const attempt of attempts) {
    const known = last.get(attempt.guid);
    if (!known || attempt.hasArrived || (attempt.at > known.at && !known.hasArrived)) last.set(attempt.guid, attempt);
  }
  return [...last.values()].filter(({ at, hasArrived }) => !hasArrived && at >= since).sort((a, b) => a.at - b.at);
}
