/** A look at a preview, as a browser has it. */
import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** GETs a path from whatever listens there, under the name of a preview. */
export function visit(
  { address = '127.0.0.1', port }: { readonly address?: string; readonly port: number },
  host: string,
  path: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: address, port, path, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
