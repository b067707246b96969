/** Decides whether a request that a service did not answer is sent once more. */

export interface Unanswered {
  /** Whether there was a connection: without one, the service has seen nothing of the request. */
  readonly wasConnected: boolean;
  /** Whether doing the request twice is as good as once: it only reads, and has no body. */
  readonly isRepeatable: boolean;
  /** Of the error, as Node names them. */
  readonly code: string | undefined;
}

/** The attempts to have one request answered. */
export interface Attempts {
  /** How long the next connection may take. */
  connectMs(): number;
  /** Milliseconds to wait before the request is sent once more; `undefined` when it must not be, or it is no use. */
  pauseAfter(failure: Unanswered): number | undefined;
}

/**
 * For how long a refused connection is tried again. While pods take turns, a service leads to one that does not listen yet or any more until
 * every node has been told: kube-proxy does it at most once a second (its `--iptables-min-sync-period`), and is told late where much happens.
 */
const refusedForMs = 3_000;
/** In a cluster a connection takes milliseconds; one to a pod that is gone is never answered, and the next may lead elsewhere. */
const oneConnectionMs = 1_000;
const pauseMs = 100;
/** How often a connection may break without an answer: what takes its service down must not do so again and again. */
const maxBreaks = 3;

/** @param connectTimeoutMs how long all connections together may take. */
export function attempts(connectTimeoutMs: number, now: () => number = Date.now): Attempts {
  let since = now();
  let breaks = 0;
  const leftOf = (limitMs: number) => since + limitMs - now();
  return {
    connectMs: () => Math.max(Math.min(oneConnectionMs, leftOf(connectTimeoutMs)), 1),
    pauseAfter({ wasConnected, isRepeatable, code }) {
      if (!wasConnected) {
        const limitMs = code === 'ECONNREFUSED' ? refusedForMs : connectTimeoutMs;
        return leftOf(limitMs) > pauseMs ? pauseMs : undefined;
      }
      if (!isRepeatable || (code !== 'ECONNRESET' && code !== 'EPIPE')) return undefined;
      breaks += 1;
      since = now();
      // The first may have been a kept connection that was closed just as it was used again.
      if (breaks === 1) return 0;
      return breaks <= maxBreaks ? pauseMs : undefined;
    },
  };
}
