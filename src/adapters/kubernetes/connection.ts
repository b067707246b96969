/** Credentials and connections for the API server, kept between requests. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { ClusterAccess, Credentials } from './cluster-access.ts';

export interface Connection {
  /** What to send a request with. */
  current(): Promise<Credentials>;
  /** Reads the credentials anew before the next request. */
  renew(): void;
  /** Ends every connection, and whatever is under way on it; there are no others afterwards. */
  close(): Promise<void>;
}

/** Tokens and certificates on disk are replaced about hourly, well before they expire. */
const renewAfterMs = 5 * 60_000;
/** Sooner than load balancers forget a connection without a word. */
const idleMs = 30_000;

/** An agent that keeps its connections to `server` for the next request. */
export function openAgent(server: string, tls: ConnectionOptions): HttpAgent {
  // On a connection in use, this time-out only emits an event, which nobody heeds: watches may be quiet.
  const options = { keepAlive: true, keepAliveMsecs: idleMs, timeout: idleMs };
  return server.startsWith('https:') ? new HttpsAgent({ ...tls, ...options }) : new HttpAgent(options);
}

/** Connections for that access; nothing is read or opened before the first request. */
export function openConnection(access: Pick<ClusterAccess, 'credentials'>): Connection {
  let current: Promise<Credentials> | undefined;
  let madeAtMs = 0;
  let isClosed = false;

  function retire(): void {
    const old = current;
    current = undefined;
    // A failure to authenticate was already thrown to its caller.
    void old?.then(({ agent }) => endInPeace(agent)).catch(() => undefined);
  }

  return {
    async current() {
      if (isClosed) throw new Error('the connection to the API server was closed');
      if (current !== undefined && Date.now() - madeAtMs > renewAfterMs) retire();
      if (current === undefined) {
        madeAtMs = Date.now();
        current = access.credentials();
        current.catch(retire);
      }
      return await current;
    },
    renew: retire,
    async close() {
      isClosed = true;
      const credentials = await current?.catch(() => undefined);
      credentials?.agent.destroy();
    },
  };
}

/** Requests under way go on; each connection ends with its request. */
function endInPeace(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const idle of Object.values(agent.freeSockets)) for (const socket of idle ?? []) socket.destroy();
}
