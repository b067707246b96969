/** Credentials and connections for the API server, kept between requests. */
import { setTimeout as delay } from 'node:timers/promises';
import { HttpMethod, type KubeConfig, RequestContext } from '@kubernetes/client-node';

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher | undefined;
}

export interface Connection {
  /** Puts credentials on a request and lets it use an open connection. */
  prepare(context: RequestContext): Promise<void>;
  /** Reads the credentials anew before the next request. */
  renew(): void;
  close(): Promise<void>;
}

/** Tokens and certificates on disk are replaced about hourly, well before they expire. */
const renewAfterMs = 5 * 60_000;
const closePatienceMs = 500;
/** Known to undici's `Agent` for each dispatch, and missing from its types. */
const http1 = { allowH2: false };

/**
 * The same dispatcher, speaking HTTP/1.1. Over HTTP/2, which API servers offer, undici 8.12 rejects a promise that nobody
 * holds when a connection ends under a request with a body, and that ends the process.
 */
function overHttp1(dispatcher: Dispatcher | undefined): Dispatcher | undefined {
  return dispatcher?.compose((dispatch) => (options, handler) => dispatch({ ...options, ...http1 }, handler));
}

/** Connections for the current context of `kubeConfig`; nothing is opened before the first request. */
export function openConnection(kubeConfig: KubeConfig): Connection {
  let current: Promise<Credentials> | undefined;
  let madeAtMs = 0;

  async function make(): Promise<Credentials> {
    const context = new RequestContext('https://unused.invalid', HttpMethod.GET);
    await kubeConfig.applySecurityAuthentication(context);
    return { headers: context.getHeaders(), dispatcher: overHttp1(context.getDispatcher()) };
  }

  function retire(): void {
    const old = current;
    current = undefined;
    // Requests under way end in peace: `close` waits for them. A failure to authenticate was already thrown to its caller.
    void old?.then((credentials) => credentials.dispatcher?.close()).catch(() => undefined);
  }

  return {
    async prepare(context) {
      if (current !== undefined && Date.now() - madeAtMs > renewAfterMs) retire();
      if (current === undefined) {
        madeAtMs = Date.now();
        current = make();
        current.catch(retire);
      }
      const { headers, dispatcher } = await current;
      for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
      if (dispatcher !== undefined) context.setDispatcher(dispatcher);
    },
    renew: retire,
    async close() {
      const old = current;
      current = undefined;
      const credentials = await old?.catch(() => undefined);
      const dispatcher = credentials?.dispatcher;
      if (!dispatcher) return;
      // Requests that were aborted a moment ago end by themselves; to destroy their connection under them would make
      // the client reject promises that nobody holds any more. What is still open after that has no owner.
      await Promise.race([dispatcher.close(), delay(closePatienceMs, undefined, { ref: false })]);
      await dispatcher.destroy();
    },
  };
}
