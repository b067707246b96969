import { createHmac } from 'node:crypto';

export const secret = 'a5f1c7e09b3d4826';

/** What GitHub would send; `overrides` with `undefined` leave a header out. */
export function headersFor(
  body: string | Buffer,
  event: string,
  overrides: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/044aadd',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-github-event': event,
    'x-hub-signature-256': signatureOf(body),
    ...overrides,
  };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}

export function signatureOf(body: string | Buffer, withSecret = secret): string {
  return `sha256=${createHmac('sha256', withSecret).update(body).digest('hex')}`;
}

export function pullRequestEvent(number = 42, repositoryId = 7): string {
  return JSON.stringify({ action: 'synchronize', repository: { id: repositoryId }, pull_request: { number } });
}
