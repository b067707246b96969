import { request } from 'node:http';

export interface Page {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly body: string;
}

const timeoutMs = 5_000;

/** GETs a preview's page through the gateway that listens on this port; what goes wrong becomes the body. */
export function visit(port: number, host: string): Promise<Page> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, body: error.message });
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request({ host: '127.0.0.1', port, headers: { host }, agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', failed);
    });
    sent.on('error', failed);
    sent.end();
  });
}
