/** Talks to a server on real connections. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Answer {
  readonly statusCode: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Posts to the webhooks on a connection of its own, with these headers and no others. */
export async function exchange(port: number, body: string | Buffer, headers: Record<string, string>): Promise<Answer> {
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/webhooks/github',
    headers: { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' },
  });
  // A server that refuses a large body may hang up after its answer.
  request.on('error', () => undefined);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { statusCode: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Says these bytes and gives everything that comes back until the server hangs up. */
export async function say(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  return text(socket);
}
