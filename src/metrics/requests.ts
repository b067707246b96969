/** What comes in: webhooks and visitors. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { type Telemetry, visitOutcomes } from '../telemetry.ts';
import { answerBuckets, seconds } from './durations.ts';

/** What GitHub sends may grow; the number of series may not. */
const events = [
  'pull_request',
  'issue_comment',
  'check_run',
  'check_suite',
  'installation',
  'installation_repositories',
  'repository',
  'ping',
] as const;
const knownEvents: ReadonlySet<string> = new Set(events);

export function requestMetrics(registers: Registry[]): Pick<Telemetry, 'delivered' | 'refused' | 'visited'> {
  const deliveries = new Counter({
    name: 'berth_webhook_deliveries_total',
    help:
      'Requests to the address for webhooks by event and status code of the answer: 202 taken, 4xx refused, 503 not stored, which ' +
      'GitHub is asked to send again. The event is "unsigned" unless the signature is right, and "other" for those that say nothing to Berth.',
    labelNames: ['event', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'berth_webhook_duration_seconds',
    help: 'Time to answer a webhook. GitHub gives up after 10 s.',
    buckets: [...answerBuckets],
    registers,
  });
  const refusals = new Counter({
    name: 'berth_server_refusals_total',
    help: 'Requests to other addresses of the server for webhooks that were refused, by status code.',
    labelNames: ['code'],
    registers,
  });
  const visits = new Counter({
    name: 'berth_gateway_requests_total',
    help:
      'Requests at the gateway by outcome: served by the preview, tunnelled (such as WebSockets), page (one of Berth says why there is ' +
      'no preview), unreachable (the preview did not answer), limited (too many from one address), malformed.',
    labelNames: ['outcome'],
    registers,
  });
  const waits = new Histogram({
    name: 'berth_gateway_wait_seconds',
    help: "Time from a request's arrival at the gateway to the first byte of the preview's answer.",
    buckets: [...answerBuckets],
    registers,
  });
  for (const event of events) for (const code of [202, 503]) deliveries.inc({ event, code }, 0);
  deliveries.inc({ event: 'unsigned', code: 401 }, 0);
  for (const outcome of visitOutcomes) visits.inc({ outcome }, 0);
  return {
    delivered(event, statusCode, durationMs) {
      const name = event === undefined ? 'unsigned' : knownEvents.has(event) ? event : 'other';
      deliveries.inc({ event: name, code: statusCode });
      durations.observe(seconds(durationMs));
    },
    refused: (code) => refusals.inc({ code }),
    visited(outcome, waitMs) {
      visits.inc({ outcome });
      if (waitMs !== undefined) waits.observe(seconds(waitMs));
    },
  };
}
