/** What the headers of a delivery say, judged before any of its body is read. */
import type { IncomingHttpHeaders } from 'node:http';

/** GitHub's own limit. Source: docs.github.com/webhooks, "Payload cap". */
export const maxBodyBytes = 25 * 1024 * 1024;

export type DeliveryHead =
  | {
      readonly ok: true;
      readonly event: string;
      readonly deliveryId: string;
      /** `undefined` when the body comes in chunks. */
      readonly declaredBytes: number | undefined;
    }
  | { readonly ok: false; readonly statusCode: 400 | 401 | 413 | 415; readonly problem: string };

/** Reads the headers of what claims to be a delivery. */
export function deliveryHead(headers: IncomingHttpHeaders): DeliveryHead {
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  if (mediaType.trim().toLowerCase() !== 'application/json' || headers['content-encoding'] !== undefined)
    return { ok: false, statusCode: 415, problem: 'not JSON' };
  const length = headers['content-length'];
  const declaredBytes = headers['transfer-encoding'] === undefined ? Number(length ?? 0) : undefined;
  if (declaredBytes !== undefined && declaredBytes > maxBodyBytes)
    return { ok: false, statusCode: 413, problem: 'too large' };
  const signature = headers['x-hub-signature-256'];
  if (typeof signature !== 'string' || !/^sha256=[0-9a-f]{64}$/.test(signature))
    return { ok: false, statusCode: 401, problem: 'signature missing or wrong' };
  const event = single(headers['x-github-event']);
  if (event === undefined) return { ok: false, statusCode: 400, problem: 'event missing' };
  const deliveryId = single(headers['x-github-delivery']);
  if (deliveryId === undefined) return { ok: false, statusCode: 400, problem: 'delivery id missing' };
  return { ok: true, event, deliveryId, declaredBytes };
}

/** A header that is there, and short enough for the log. Node joins repeated ones with commas, which no name of GitHub's has. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= 100 ? value : undefined;
}
