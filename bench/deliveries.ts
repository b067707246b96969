/** Webhooks as GitHub sends them, signed, about many pull requests. */
import { createHmac, randomUUID } from 'node:crypto';
import { webhookExamples } from '../test/webhook-examples.ts';

export interface PreparedDelivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One `pull_request.synchronize` for each of `count` pull requests of one repository; about 24 kB each. */
export function prepareDeliveries(count: number, secret: string): readonly PreparedDelivery[] {
  const example = synchronizeExample();
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const pullRequest = { ...example.pull_request, number };
    const body = Buffer.from(JSON.stringify({ ...example, number, pull_request: pullRequest }));
    const signature = (algorithm: 'sha1' | 'sha256') =>
      `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
    const headers = {
      accept: '*/*',
      'content-type': 'application/json',
      'content-length': String(body.length),
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': randomUUID(),
      'x-github-event': 'pull_request',
      'x-hub-signature': signature('sha1'),
      'x-hub-signature-256': signature('sha256'),
    };
    return { headers, body };
  });
}

interface SynchronizeExample {
  readonly action: 'synchronize';
  readonly pull_request: object;
}

function synchronizeExample(): SynchronizeExample {
  const isSynchronize = (each: unknown): each is SynchronizeExample =>
    typeof each === 'object' && each !== null && 'action' in each && each.action === 'synchronize';
  const found = webhookExamples.find(({ name }) => name === 'pull_request')?.examples.find(isSynchronize);
  if (!found) throw new Error('the published examples have no pull_request.synchronize');
  return found;
}
