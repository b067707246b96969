/** Answers a registry's question who we are. Source: distribution.github.io/distribution/spec/auth/token */
import { z } from 'zod';
import { boundedJson } from '../../bounded-answer.ts';
import type { Credentials } from './docker-config.ts';

export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string | undefined };

export interface Token {
  readonly token: string;
  readonly expiresInMs: number;
}

/** Whoever writes a manifest chooses whom a token is asked of. */
const maxTokenBytes = 256 * 1024;

const answer = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().default(60),
});

/** Reads `www-authenticate`; `undefined` for a scheme that registries do not use. */
export function parseChallenge(header: string): Challenge | undefined {
  if (/^basic\b/i.test(header)) return { scheme: 'basic' };
  if (!/^bearer\b/i.test(header)) return undefined;
  const parameters = new Map([...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const realm = parameters.get('realm');
  return realm ? { scheme: 'bearer', realm, service: parameters.get('service') } : undefined;
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/**
 * Asks for a token that may pull from a repository; `undefined` when it is not granted although the credentials, if
 * any, were accepted.
 */
export async function fetchToken(
  { realm, service }: Challenge & { readonly scheme: 'bearer' },
  scope: string,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const response = await fetch(...tokenRequest(realm, service, scope, credentials, signal));
  const refused = response.status === 403 || (response.status === 401 && credentials === undefined);
  if (!response.ok) await response.body?.cancel();
  if (refused) return undefined;
  if (!response.ok) {
    throw new Error(`asking ${new URL(realm).host} for a token: HTTP ${response.status}`);
  }
  const { token, access_token, expires_in } = answer.parse(await boundedJson(response, maxTokenBytes));
  return { token: token ?? access_token ?? '', expiresInMs: expires_in * 1000 };
}

function tokenRequest(
  realm: string,
  service: string | undefined,
  scope: string,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): [URL, RequestInit] {
  const url = new URL(realm);
  const parameters = new URLSearchParams({ ...(service === undefined ? {} : { service }), scope });
  if (credentials?.kind === 'identity token') {
    // Source: distribution.github.io/distribution/spec/auth/oauth
    parameters.set('grant_type', 'refresh_token');
    parameters.set('refresh_token', credentials.token);
    parameters.set('client_id', 'berth');
    return [url, { method: 'POST', body: parameters, signal }];
  }
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  const headers: Record<string, string> = credentials
    ? { authorization: basic(credentials.user, credentials.password) }
    : {};
  return [url, { headers, signal }];
}
