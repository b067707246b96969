/** Which requests are looked at at all. */
import type { IncomingMessage } from 'node:http';

const maxHeaders = 200;

/** What keeps a request from being looked at, as the status to refuse it with. */
export function malformed(request: IncomingMessage): 400 | 431 | undefined {
  // The parser bounds their size; Node would go on without those that are too many, and see another request than was sent.
  if (request.rawHeaders.length / 2 > maxHeaders) return 431;
  const hosts = request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  // Only origin form: a target with a host of its own could name another one than the Host header.
  // A request line without a version, as of HTTP/0.9, gets past the parser together with headers.
  const { url = '', method, httpVersionMajor } = request;
  const isOrigin = url.startsWith('/') || (url === '*' && method === 'OPTIONS');
  return httpVersionMajor === 1 && hosts === 1 && isOrigin && !/[^\u0021-\u007e]/.test(url) ? undefined : 400;
}
