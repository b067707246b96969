import { timestamp } from '../resources/identity.ts';
import type { Delivery } from '../webhooks/delivery.ts';
import { notFound, ok } from '../http/answer.ts';
import { pageUrl } from '../http/page.ts';
import type { Call, Route } from '../http/route.ts';

export const deliveryRoutes: readonly Route[] = [
  {
    operation: 'apps/get-webhook-config-for-app',
    caller: 'app',
    handle: ({ webhooks: { url } }) =>
      ok({ content_type: 'json', insecure_ssl: '0', secret: '********', ...(url !== undefined && { url }) }),
  },
  { operation: 'apps/list-webhook-deliveries', caller: 'app', handle: list },
  {
    operation: 'apps/get-webhook-delivery',
    caller: 'app',
    handle: (call) => {
      const delivery = deliveryOf(call);
      return ok({
        ...deliveryResource(delivery),
        url: call.webhooks.url ?? '',
        request: { headers: delivery.requestHeaders, payload: delivery.payload },
        response: { headers: delivery.responseHeaders, payload: delivery.responseBody },
      });
    },
  },
  {
    operation: 'apps/redeliver-webhook-delivery',
    caller: 'app',
    handle: (call) => {
      // GitHub answers before the attempt is over; the attempt is tracked by `settled`.
      void call.webhooks.redeliver(deliveryOf(call).id);
      return { status: 202, body: {} };
    },
  },
];

/** Newest first; pages are led to by a cursor, not by numbers. */
function list(call: Call) {
  const size = Number(call.query['per_page'] ?? 30);
  const cursor =
    call.query['cursor'] === undefined
      ? Number.POSITIVE_INFINITY
      : Number(String(call.query['cursor']).replace(/^v1_/, ''));
  const status = call.query['status'];
  // A status of 0, without any answer, is neither. Source: the description of the parameter `status`.
  const [least, most] = status === 'success' ? [200, 399] : [400, 599];
  const matching = call.webhooks.all
    .filter(({ state, id }) => state === 'done' && id < cursor)
    .filter(({ statusCode }) => status === undefined || (statusCode >= least && statusCode <= most))
    .toReversed();
  const shown = matching.slice(0, size);
  const last = shown.at(-1);
  const more = last !== undefined && matching.length > shown.length;
  return {
    status: 200,
    body: shown.map(deliveryResource),
    ...(more && { headers: { link: `<${pageUrl(call, 'cursor', `v1_${last.id}`)}>; rel="next"` } }),
  };
}

function deliveryResource(delivery: Delivery) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: timestamp(delivery.deliveredAt),
    redelivery: delivery.redelivery,
    duration: Math.round(delivery.durationMs) / 1000,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action ?? null,
    installation_id: delivery.installationId ?? null,
    repository_id: delivery.repositoryId ?? null,
    throttled_at: null,
  };
}

function deliveryOf(call: Call): Delivery {
  const id = Number(call.params['delivery_id']);
  const delivery = call.webhooks.all.find((each) => each.id === id && each.state !== 'held');
  if (!delivery) throw notFound();
  return delivery;
}
