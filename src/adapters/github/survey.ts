/** What there is to know about our GitHub App before it is used. */
import { createPrivateKey } from 'node:crypto';
import { createAppAuth } from '@octokit/auth-app';
import { request } from '@octokit/request';
import { z } from 'zod';

export interface GitHubSurvey {
  readonly slug: string;
  /** Where people install it. */
  readonly htmlUrl: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  /** How far GitHub's clock is ahead of ours. */
  readonly clockAheadMs: number;
  readonly hook: HookSurvey;
  /** At most the newest hundred, newest first. */
  readonly deliveries: readonly DeliverySurvey[];
  readonly installations: readonly InstallationSurvey[];
}

export interface HookSurvey {
  readonly url: string | undefined;
  readonly contentType: string | undefined;
  readonly insecureSsl: boolean;
  readonly hasSecret: boolean;
}

export interface DeliverySurvey {
  readonly guid: string;
  readonly event: string;
  readonly deliveredAt: string;
  /** What our server answered; 0 or a 5xx of GitHub's own when it did not. */
  readonly statusCode: number;
  /** GitHub's word for it. */
  readonly status: string;
}

export interface InstallationSurvey {
  readonly account: string;
  readonly suspended: boolean;
  /** What its owner has accepted; less than what the App asks for until they look at it. */
  readonly permissions: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  /** Requests left in this hour; `undefined` for a suspended one, and beyond the first few. */
  readonly budget: { readonly remaining: number; readonly limit: number } | undefined;
}

const appAnswer = z.object({
  slug: z.string(),
  html_url: z.string(),
  permissions: z.record(z.string(), z.string()),
  events: z.array(z.string()),
});
const hookAnswer = z.object({
  url: z.string().optional(),
  content_type: z.string().optional(),
  insecure_ssl: z.union([z.string(), z.number()]).optional(),
  secret: z.string().optional(),
});
const deliveriesAnswer = z.array(
  z.object({
    guid: z.string(),
    event: z.string(),
    delivered_at: z.string(),
    status_code: z.number(),
    status: z.string(),
  }),
);
const installationsAnswer = z.array(
  z.object({
    id: z.int(),
    account: z.object({ login: z.string().optional(), slug: z.string().optional() }).nullish(),
    suspended_at: z.string().nullish(),
    permissions: z.record(z.string(), z.string()),
    events: z.array(z.string()),
  }),
);
const budgetAnswer = z.object({ resources: z.object({ core: z.object({ remaining: z.int(), limit: z.int() }) }) });

/** Of how many installations the budget is asked for: each one costs a token. */
const mostBudgets = 10;

/** The App's number and key do not fit each other, or are no longer known. */
export class AppRefusedError extends Error {
  override readonly name = 'AppRefusedError';
}

/**
 * Asks GitHub about the App; writes nothing.
 * @throws AppRefusedError when the App's number and key do not fit; any other error when GitHub cannot be reached.
 */
export async function surveyGitHub(
  options: { readonly apiUrl: string; readonly appId: number; readonly privateKey: string },
  signal: AbortSignal,
): Promise<GitHubSurvey> {
  checkKey(options.privateKey);
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const anyone = request.defaults({
    baseUrl: options.apiUrl.replace(/\/$/, ''),
    headers: { 'user-agent': 'berth' },
    request: { signal, redirect: 'manual', log },
  });
  const auth = createAppAuth({ appId: options.appId, privateKey: options.privateKey, request: anyone, log });
  const app = anyone.defaults({ request: { signal, redirect: 'manual', log, hook: auth.hook } });

  const startedAt = Date.now();
  const own = await app('GET /app').catch((error: unknown) => {
    throw refusalOf(error) ?? error;
  });
  const durationMs = Date.now() - startedAt;
  const { slug, html_url: htmlUrl, permissions, events } = appAnswer.parse(own.data);
  const [hook, deliveries, installations] = await Promise.all([
    app('GET /app/hook/config'),
    app('GET /app/hook/deliveries', { per_page: 100 }),
    app('GET /app/installations', { per_page: 100 }),
  ]);

  async function budgetOf(installationId: number): Promise<InstallationSurvey['budget']> {
    const { token } = await auth({ type: 'installation', installationId });
    const { data } = await anyone('GET /rate_limit', { headers: { authorization: `token ${token}` } });
    const { remaining, limit } = budgetAnswer.parse(data).resources.core;
    return { remaining, limit };
  }

  const listed = installationsAnswer.parse(installations.data);
  const asked = new Set(listed.filter((each) => !each.suspended_at).slice(0, mostBudgets));
  return {
    slug,
    htmlUrl,
    permissions,
    events,
    // The header has whole seconds: half of one is its best guess, and half of the way there and back.
    clockAheadMs: Date.parse(own.headers.date ?? '') + 500 - (startedAt + durationMs / 2),
    hook: hookOf(hook.data),
    deliveries: deliveriesAnswer.parse(deliveries.data).map((each) => ({
      guid: each.guid,
      event: each.event,
      deliveredAt: each.delivered_at,
      statusCode: each.status_code,
      status: each.status,
    })),
    installations: await Promise.all(
      listed.map(async (each) => ({
        account: each.account?.login ?? each.account?.slug ?? String(each.id),
        suspended: Boolean(each.suspended_at),
        permissions: each.permissions,
        events: each.events,
        budget: asked.has(each) ? await budgetOf(each.id) : undefined,
      })),
    ),
  };
}

function checkKey(privateKey: string): void {
  try {
    createPrivateKey(privateKey);
  } catch (cause) {
    throw new AppRefusedError('the private key is not one in PEM', { cause });
  }
}

function hookOf(data: unknown): HookSurvey {
  const { url, content_type: contentType, insecure_ssl: insecure, secret } = hookAnswer.parse(data);
  return {
    url: url === '' ? undefined : url,
    contentType,
    insecureSsl: String(insecure ?? '0') !== '0',
    // Shown as asterisks.
    hasSecret: secret !== undefined && secret !== '',
  };
}

/** Octokit's error as what it means for us; `undefined` for an outage. */
function refusalOf(cause: unknown): AppRefusedError | undefined {
  const status = cause instanceof Error && 'status' in cause ? Number(cause.status) : undefined;
  if (!(cause instanceof Error)) return undefined;
  if (status !== undefined && [401, 403, 404].includes(status) && 'response' in cause && cause.response !== undefined) {
    return new AppRefusedError(`GitHub answers ${status}: ${cause.message}`, { cause });
  }
  return undefined;
}
