/** One request over HTTP and its answer. HTTP/1.1 alone: for dozens of requests a minute, nothing else is faster. */
import { type IncomingMessage, type RequestOptions, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { addAbortSignal } from 'node:stream';

/** The connection failed or broke; whether the request was carried out is not known. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/**
 * Sends a request; resolves with the head of the answer, whose body must be read or destroyed. The signal ends both.
 * @throws ConnectionError.
 */
export async function exchange(
  url: URL,
  options: Omit<RequestOptions, 'signal'>,
  body: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...options, signal });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // Also heard after the answer has begun, when the body says the same once more.
  request.on('error', (error) => reject(broken(request.method, url, error)));
  request.on('response', resolve);
  // Node itself sends no length with a DELETE.
  if (body !== undefined) request.setHeader('Content-Length', Buffer.byteLength(body));
  request.end(body);
  return addAbortSignal(signal, (await promise).setEncoding('utf8'));
}

/** The whole body. @throws ConnectionError. */
export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response as AsyncIterable<string>) text += chunk;
  } catch (error) {
    throw new ConnectionError('the answer broke off', { cause: error });
  }
  return text;
}

/** The lines of a body, each as soon as it is there; empty ones are left out. */
export async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '') yield line;
  }
}

function broken(method: string, { pathname }: URL, error: unknown): ConnectionError {
  // One for each address of the host, and without a message of its own.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return new ConnectionError(`${method} ${pathname}: no connection`, { cause });
}
