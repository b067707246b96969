/** Takes GitHub's webhooks. Whatever one says, it means only: look at these previews again. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { isServed } from '../domain/accounts.ts';
import { keyId } from '../domain/preview.ts';
import { accountOf, triggersOf } from '../domain/triggers.ts';
import type { Queue } from '../ports.ts';
import { bodyBudget, type BodyBudget, type BodyBudgetOptions } from './body-budget.ts';
import { deliveryHead } from './delivery-head.ts';
import { lingerFor, type Refusals } from './refusals.ts';
import { secretProblem, signatureCheck } from './signature.ts';
import { signedBody } from './signed-body.ts';

export interface WebhookOptions {
  /** The current one, and the one before it during a rotation. */
  readonly secrets: readonly string[];
  readonly queue: Pick<Queue, 'trigger'>;
  /** Look at everything again, soon; called after installations and repositories have changed. */
  readonly onEverything: () => void;
  /** Our GitHub App; deliveries that name another one are ignored. */
  readonly appId?: number;
  /** As `isServed` takes them; deliveries about others are ignored. */
  readonly accounts?: readonly string[];
  /** How much of unfinished bodies may be in memory. */
  readonly budget?: BodyBudgetOptions;
  readonly refusals: Refusals;
  readonly log: Logger;
}

export const webhookPath = '/webhooks/github';

const signedEvents = new WeakMap<FastifyRequest, string>();

/** The event of a delivery whose signature was found to be right. */
export function signedEventOf(request: FastifyRequest): string | undefined {
  return signedEvents.get(request);
}

const retryAfterSeconds = 10;

/** Room for two of the largest deliveries and hundreds of usual ones; a quarter of what all of Berth may take. */
const defaultBudget: BodyBudgetOptions = { totalBytes: 64 * 1024 * 1024, smallBytes: 256 * 1024 };

/**
 * Adds `POST /webhooks/github`: 202 once everything is durable, 503 when it cannot be (GitHub lists the delivery as
 * failed, and the sweep redelivers it). Headers are judged before a byte of the body is read, and nothing of the body is
 * looked at before its signature.
 * @throws when there is no secret, or one that anybody could guess.
 */
export function addWebhook(app: FastifyInstance, options: WebhookOptions): void {
  const problem =
    options.secrets.length === 0 ? 'there is no webhook secret' : options.secrets.map(secretProblem).find(Boolean);
  if (problem) throw new Error(`starting the webhook server: ${problem}`);
  const budget = bodyBudget(options.budget ?? defaultBudget);
  // The bytes are ours to read: fastify would take all of them before anything was checked.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_, __, done) => done(null));
  app.post(
    webhookPath,
    {
      onRequest: async (request, reply) => {
        const head = deliveryHead(request.headers);
        if (!head.ok) return options.refusals.refuse(request, reply, head.statusCode, head.problem);
      },
    },
    (request, reply) => take(request, reply, budget, options),
  );
}

async function take(
  request: FastifyRequest,
  reply: FastifyReply,
  budget: BodyBudget,
  options: WebhookOptions,
): Promise<FastifyReply> {
  const { refusals, secrets, appId } = options;
  const refuse = (statusCode: number, problem: string) => refusals.refuse(request, reply, statusCode, problem);
  const head = deliveryHead(request.headers);
  const check = signatureCheck(secrets, request.headers['x-hub-signature-256']);
  if (!head.ok || !check) return refuse(401, 'signature missing or wrong');
  const { event, deliveryId, declaredBytes } = head;
  const source = { address: refusals.addressOf(request.raw), declaredBytes };
  const body = await signedBody(request.raw, source, check, budget);
  switch (body.outcome) {
    case 'unsigned':
      return refuse(401, 'signature missing or wrong');
    case 'too large':
      return refuse(413, 'too large');
    case 'broken off':
      return refuse(400, 'body broken off');
    case 'no room':
      // Not a refusal: it may be GitHub's own.
      options.log.warn({ deliveryId, event, heldBytes: budget.heldBytes() }, 'webhook not read: too much is coming in');
      lingerFor(request.raw);
      return reply.code(503).header('retry-after', retryAfterSeconds).send({ error: 'busy, try again' });
    case 'signed': {
      signedEvents.set(request, event);
      const log = options.log.child({ deliveryId, event });
      const payload = parse(body.bytes);
      if (payload === undefined) return reply.code(400).send({ error: 'not JSON' });
      if (isForAnotherApp(request, appId)) {
        log.warn('webhook ignored: it is for another app');
        return reply.code(202).send();
      }
      return accept(reply, log, event, payload.value, options);
    }
  }
}

async function accept(
  reply: FastifyReply,
  log: Logger,
  event: string,
  payload: unknown,
  { queue, onEverything, accounts = [] }: WebhookOptions,
): Promise<FastifyReply> {
  const account = accountOf(payload);
  if (account !== undefined && !isServed(accounts, account)) {
    log.debug({ account }, 'webhook ignored: its account is not served');
    return reply.code(202).send();
  }
  const { keys, everything } = triggersOf(event, payload);
  const action = actionOf(payload);
  try {
    await Promise.all(keys.map((key) => queue.trigger(key)));
  } catch (err) {
    for (const key of keys) log.error({ action, preview: keyId(key), err }, 'webhook not stored');
    return reply.code(503).header('retry-after', retryAfterSeconds).send({ error: 'not stored, try again' });
  }
  if (everything) onEverything();
  // A line for each, because nearly always it is one, and that field leads through everything that follows.
  for (const key of keys) log.info({ action, preview: keyId(key) }, 'webhook taken');
  if (everything) log.info({ action, everything }, 'webhook taken');
  else if (keys.length === 0) log.debug({ action }, 'webhook ignored: it is about no preview');
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
  const { headers } = request;
  const isApps = headers['x-github-hook-installation-target-type'] === 'integration';
  return isApps && headers['x-github-hook-installation-target-id'] !== String(appId);
}

function actionOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || !('action' in payload)) return undefined;
  return typeof payload.action === 'string' ? payload.action.slice(0, 100) : undefined;
}
