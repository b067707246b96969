/** Credentials and connections for the API server, kept between requests. */
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

/** Connections for the current context of `kubeConfig`; nothing is opened before the first request. */
export function openConnection(kubeConfig: KubeConfig): Connection {
  let current: Promise<Credentials> | undefined;
  let madeAtMs = 0;

  async function make(): Promise<Credentials> {
    const context = new RequestContext('https://unused.invalid', HttpMethod.GET);
    await kubeConfig.applySecurityAuthentication(context);
    return { headers: context.getHeaders(), dispatcher: context.getDispatcher() };
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
      await credentials?.dispatcher?.destroy();
    },
  };
}
