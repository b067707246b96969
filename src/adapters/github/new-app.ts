/** The last step of making an App from a manifest: a code becomes its credentials. */
import { request } from '@octokit/request';
import { z } from 'zod';

/** An App that GitHub has just made. */
export interface NewApp {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  /** Its public page; people install it from there. */
  readonly htmlUrl: string;
  readonly owner: string | undefined;
  /** PEM. GitHub shows it this one time. */
  readonly privateKey: string;
  readonly webhookSecret: string;
}

/** GitHub knows no such code: it was used already, is older than an hour, or never was one. */
export class CodeRefusedError extends Error {
  override readonly name = 'CodeRefusedError';
}

const answer = z.object({
  id: z.int().positive(),
  slug: z.string(),
  name: z.string(),
  html_url: z.url({ protocol: /^https?$/ }),
  owner: z.object({ login: z.string().optional(), slug: z.string().optional() }).nullish(),
  pem: z.string().includes('PRIVATE KEY'),
  // Null for an App without a webhook, which no manifest of ours asks for.
  webhook_secret: z.string().min(1),
});

/** GitHub makes a key for it. */
const timeoutMs = 30_000;

/** Path and query may hold the code, so they belong in no message. */
const route = 'POST /app-manifests/{code}/conversions';

/**
 * The credentials that GitHub gives for a code, once.
 * @throws CodeRefusedError when it gives none for this code; any other error may pass, and the code can be tried again.
 */
export async function newAppOf(apiUrl: string, code: string, signal: AbortSignal): Promise<NewApp> {
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const asked = await request(route, {
    baseUrl: apiUrl.replace(/\/$/, ''),
    headers: { 'user-agent': 'berth' },
    code,
    request: { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), redirect: 'manual', log },
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw failureOf(cause);
  });
  const read = answer.safeParse(asked.data);
  if (!read.success) {
    const fields = read.error.issues.map(({ path }) => path.join('.') || 'everything').join(', ');
    throw new CodeRefusedError(`GitHub made the App, and its answer lacks ${fields}`);
  }
  const { id, slug, name, html_url: htmlUrl, owner, pem: privateKey, webhook_secret: webhookSecret } = read.data;
  return { id, slug, name, htmlUrl, owner: owner?.login ?? owner?.slug, privateKey, webhookSecret };
}

/** Octokit's error without the URL, which has the code in it. */
function failureOf(cause: unknown): Error {
  const status = cause instanceof Error && 'status' in cause ? Number(cause.status) : undefined;
  const hasAnswer = cause instanceof Error && 'response' in cause && cause.response !== undefined;
  if (hasAnswer && (status === 404 || status === 422)) {
    return new CodeRefusedError('GitHub does not know the code: it was used already, or is older than an hour');
  }
  if (hasAnswer) return new Error(`GitHub answered ${status}`);
  return new Error(`GitHub cannot be reached: ${innermostMessage(cause)}`, { cause });
}

/** Such as that of a certificate that nobody knows; fetch itself says only that it failed. */
function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  return error.cause === undefined ? error.message : innermostMessage(error.cause);
}
