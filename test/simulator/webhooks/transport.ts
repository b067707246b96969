import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Received {
  readonly status: string;
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** GitHub gives a receiver ten seconds. Source: docs.github.com, "Best practices for using webhooks". */
const timeoutMs = 10_000;

/**
 * Sends webhooks over kept-alive connections: one attempt each, never retried. A kept connection that turns out to have been
 * closed meanwhile counts for none: GitHub is not known to keep any, they only save time here.
 */
export class Transport {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 64 });

  send(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Received> {
    const secure = url.startsWith('https:');
    const request = secure ? httpsRequest : httpRequest;
    const agent = secure ? this.#https : this.#http;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    return new Promise((resolve) => {
      const attempt = () => {
        let isAnswered = false;
        const outgoing = request(url, { method: 'POST', headers, agent, signal: limit }, (incoming) => {
          isAnswered = true;
          void readAll(incoming).then(
            (text) => resolve(received(incoming, text)),
            () => resolve(failure(limit)),
          );
        });
        outgoing.on('error', () => {
          if (outgoing.reusedSocket && !isAnswered && !limit.aborted) attempt();
          else resolve(failure(limit));
        });
        outgoing.end(body);
      };
      attempt();
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

export function signatures(secret: string, body: string): Readonly<Record<string, string>> {
  return {
    'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function received(incoming: IncomingMessage, body: string): Received {
  const statusCode = incoming.statusCode ?? 0;
  const ok = statusCode >= 200 && statusCode < 300;
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { status: ok ? 'OK' : `Invalid HTTP Response: ${statusCode}`, statusCode, headers, body };
}

function failure(limit: AbortSignal): Received {
  const timedOut = limit.aborted;
  return {
    status: timedOut ? 'timed out' : 'failed to connect to host',
    statusCode: timedOut ? 504 : 502,
    headers: {},
    body: '',
  };
}
