/** Whether a BuildKit answers; buildx itself takes up to half a minute to find out, and does not say why. */
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import path from 'node:path';
import type { Endpoint } from './endpoint.ts';

/** For a handshake with a daemon that is busy building. */
const answerTimeoutMs = 5_000;

/**
 * Why nothing can be built there, e.g. `certificate has expired`; `undefined` when it answers. A Docker daemon is only connected to, for
 * another protocol comes before BuildKit's.
 * @throws the signal's reason.
 */
export async function whyUnreachable(
  endpoint: Endpoint,
  signal: AbortSignal,
  timeoutMs = answerTimeoutMs,
): Promise<string | undefined> {
  signal.throwIfAborted();
  const own = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, own]);
  try {
    await (endpoint.kind === 'docker' ? connected(endpoint, either) : answered(endpoint, either));
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (own.aborted) return `no answer within ${timeoutMs} ms`;
    return error instanceof Error ? error.message : String(error);
  }
}

async function connected(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const socket = connect(addressOf(endpoint));
  await settled(socket, 'connect', signal).finally(() => socket.destroy());
}

/** gRPC's servers greet with their settings, once they have found no fault with our certificate. */
async function answered(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const certificates = endpoint.tls ? await certificatesIn(endpoint.tls) : undefined;
  const { host } = endpoint.url.startsWith('unix:') ? { host: 'localhost' } : new URL(endpoint.url);
  const session = certificates
    ? connectHttp2(`https://${host}`, certificates)
    : connectHttp2(`http://${host}`, { createConnection: () => connect(addressOf(endpoint)) });
  await settled(session, 'remoteSettings', signal).finally(() => session.destroy());
}

async function certificatesIn(directory: string): Promise<{ readonly [Name in 'ca' | 'cert' | 'key']: string }> {
  const text = (name: string) => readFile(path.join(directory, `${name}.pem`), 'utf8');
  return { ca: await text('ca'), cert: await text('cert'), key: await text('key') };
}

function addressOf({ url }: Endpoint): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (url.startsWith('unix://')) return { path: url.slice('unix://'.length) };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

interface Emitter {
  on(event: string, listener: (value: unknown) => void): unknown;
}

/** Rejects with what the connection fails with, or when it ends first. */
function settled(connection: Emitter, event: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  connection.on(event, () => resolve());
  // For good, and not once: destroying a connection may make it fail again.
  connection.on('error', reject);
  connection.on('close', () =>
    reject(new Error('it hung up before it said anything: does it ask for another certificate?')),
  );
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}
