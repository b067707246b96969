/** Takes GitHub's webhooks. Whatever one says, it means only: look at these previews again. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { keyId } from '../domain/preview.ts';
import { triggersOf } from '../domain/triggers.ts';
import type { Queue } from '../ports.ts';
import { isSignedBy, secretProblem } from './signature.ts';

export interface WebhookOptions {
  /** The current one, and the one before it during a rotation. */
  readonly secrets: readonly string[];
  readonly queue: Pick<Queue, 'trigger'>;
  /** Look at everything again, soon; called after installations and repositories have changed. */
  readonly onEverything: () => void;
  /** Our GitHub App; deliveries that name another one are ignored. */
  readonly appId?: number;
  readonly log: Logger;
}

/** GitHub's own limit. Source: docs.github.com/webhooks, "Payload cap". */
const maxBodyBytes = 25 * 1024 * 1024;

const retryAfterSeconds = 10;

/**
 * Adds `POST /webhooks/github`: 202 once everything is durable, 503 when it cannot be (GitHub lists the delivery as
 * failed, and the sweep redelivers it).
 * @throws when there is no secret, or one that anybody could guess.
 */
export function addWebhook(app: FastifyInstance, options: WebhookOptions): void {
  const problem =
    options.secrets.length === 0 ? 'there is no webhook secret' : options.secrets.map(secretProblem).find(Boolean);
  if (problem) throw new Error(`starting the webhook server: ${problem}`);
  // The signature is over the bytes, so they are not parsed by fastify. Any other content type is refused with 415.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.post('/webhooks/github', { bodyLimit: maxBodyBytes }, (request, reply) => take(request, reply, options));
}

async function take(request: FastifyRequest, reply: FastifyReply, options: WebhookOptions): Promise<FastifyReply> {
  const { body } = request;
  const event = headerOf(request, 'x-github-event');
  const deliveryId = headerOf(request, 'x-github-delivery');
  const log = options.log.child({ deliveryId, event });
  if (!Buffer.isBuffer(body) || !isSignedBy(options.secrets, body, request.headers['x-hub-signature-256'])) {
    log.warn('webhook refused: signature missing or wrong');
    return reply.code(401).send({ error: 'signature missing or wrong' });
  }
  if (event === undefined) return reply.code(400).send({ error: 'event missing' });
  const payload = parse(body);
  if (payload === undefined) return reply.code(400).send({ error: 'not JSON' });
  if (isForAnotherApp(request, options.appId)) {
    log.warn('webhook ignored: it is for another app');
    return reply.code(202).send();
  }
  return accept(reply, log, event, payload.value, options);
}

async function accept(
  reply: FastifyReply,
  log: Logger,
  event: string,
  payload: unknown,
  { queue, onEverything }: WebhookOptions,
): Promise<FastifyReply> {
  const { keys, everything } = triggersOf(event, payload);
  const fields = { action: actionOf(payload), previews: keys.map(keyId), everything };
  try {
    await Promise.all(keys.map((key) => queue.trigger(key)));
  } catch (err) {
    log.error({ ...fields, err }, 'webhook not stored');
    return reply.code(503).header('retry-after', retryAfterSeconds).send({ error: 'not stored, try again' });
  }
  if (everything) onEverything();
  if (keys.length > 0 || everything) log.info(fields, 'webhook taken');
  else log.debug(fields, 'webhook ignored: it is about no preview');
  return reply.code(202).send();
}

/** `undefined` for anything but JSON. */
function parse(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return undefined;
  }
}

/** GitHub says whose hook it is. Not covered by the signature, which nobody else can make anyway. */
function isForAnotherApp(request: FastifyRequest, appId: number | undefined): boolean {
  if (appId === undefined) return false;
  const type = headerOf(request, 'x-github-hook-installation-target-type');
  return type === 'integration' && headerOf(request, 'x-github-hook-installation-target-id') !== String(appId);
}

/** A header that is there once; longer ones are cut, as they end up in the log. */
function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value.slice(0, 100) : undefined;
}

function actionOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || !('action' in payload)) return undefined;
  return typeof payload.action === 'string' ? payload.action.slice(0, 100) : undefined;
}
