/**
 * A misbehaving API server: a proxy on loopback in front of the real one, for everything that takes a kubeconfig, i.e.
 * Berth and its Helm. Plain HTTP on this side; upstream it uses the credentials of the kubeconfig it was started with.
 * Watches and other streams pass through as they come. Protocol upgrades (`exec`, `port-forward`) do not.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { KubeConfig } from '@kubernetes/client-node';
import {
  expiredEvent,
  type Fault,
  matches,
  type RequestMatch,
  type SeenRequest,
  seenRequest,
  statusBody,
} from './fault-rules.ts';

export interface FaultProxy extends AsyncDisposable {
  /** A file for `KUBECONFIG` that leads here. */
  readonly kubeconfigPath: string;
  /** Every request so far, oldest first; watches and requests that were never answered too. */
  readonly requests: readonly SeenRequest[];
  /**
   * Does this to the next `times` requests that match, or to all of them until the rule is removed; the first `skip` of
   * them are left alone. Older rules go first.
   */
  fault(match: RequestMatch, fault: Fault, times?: number, skip?: number): FaultRule;
  /** Resolves with the next request that matches, as soon as its head is here. */
  next(match: RequestMatch): Promise<SeenRequest>;
  /** How many matching watches are open and fed by the real API server. */
  openWatches(match?: RequestMatch): number;
  /** Ends the matching open watches with a 410. @returns how many. */
  expireWatches(match?: RequestMatch): number;
  /** Lets nothing more come over the matching open watches, which stay open. @returns how many. */
  silenceWatches(match?: RequestMatch): number;
  /** Cuts every connection, in the middle of whatever it carries. New ones are accepted. */
  cut(): void;
  /** Removes every rule. */
  heal(): void;
}

interface FaultRule {
  /** To how many requests it was done. */
  readonly hits: number;
  remove(): void;
}

interface Rule {
  readonly match: RequestMatch;
  readonly fault: Fault;
  toSkip: number;
  left: number;
  hits: number;
}

interface OpenWatch {
  readonly seen: SeenRequest;
  end(last: string): void;
  silence(): void;
}

/** Starts a proxy in front of the current context of `kubeconfig`; disposal ends every connection. */
export async function startFaultProxy({ kubeconfig }: { readonly kubeconfig: string }): Promise<FaultProxy> {
  const upstream = await upstreamOf(kubeconfig);
  const requests: SeenRequest[] = [];
  let rules: readonly Rule[] = [];
  const awaited = new Set<{ readonly match: RequestMatch; resolve(seen: SeenRequest): void }>();
  const watches = new Set<OpenWatch>();

  function faultFor(request: Omit<SeenRequest, 'fault'>): Fault | undefined {
    for (const rule of rules) {
      if (rule.left === 0 || !matches(rule.match, request)) continue;
      if (rule.toSkip > 0) {
        rule.toSkip -= 1;
        continue;
      }
      rule.left -= 1;
      rule.hits += 1;
      return rule.fault;
    }
    return undefined;
  }

  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const head = seenRequest(method, url, headers);
    const seen: SeenRequest = { ...head, fault: faultFor(head) };
    requests.push(seen);
    for (const waiter of awaited) {
      if (!matches(waiter.match, seen)) continue;
      awaited.delete(waiter);
      waiter.resolve(seen);
    }
    // Whatever breaks, the client sees a broken connection; that is all a proxy can say.
    handle(upstream, request, response, seen, watches).catch(() => response.destroy());
  });
  // Streams may be quiet for as long as they like.
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const directory = await mkdtemp(join(tmpdir(), 'berth-fault-proxy-'));
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, kubeconfigFor((server.address() as AddressInfo).port), { mode: 0o600 });

  const matching = (match: RequestMatch = {}) => [...watches].filter(({ seen }) => matches(match, seen));
  return {
    kubeconfigPath,
    requests,
    fault(match, fault, times = Number.POSITIVE_INFINITY, skip = 0) {
      const rule: Rule = { match, fault, toSkip: skip, left: times, hits: 0 };
      rules = [...rules, rule];
      return {
        get hits() {
          return rule.hits;
        },
        remove() {
          rules = rules.filter((other) => other !== rule);
        },
      };
    },
    next: (match) => new Promise((resolve) => awaited.add({ match, resolve })),
    openWatches: (match) => matching(match).length,
    expireWatches(match) {
      const open = matching(match);
      for (const watch of open) watch.end(expiredEvent);
      return open.length;
    },
    silenceWatches(match) {
      const open = matching(match);
      for (const watch of open) watch.silence();
      return open.length;
    },
    cut: () => server.closeAllConnections(),
    heal() {
      rules = [];
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      upstream.agent.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Does what its fault says to one request. */
async function handle(
  upstream: Upstream,
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
  watches: Set<OpenWatch>,
): Promise<void> {
  const { fault } = seen;
  switch (fault?.do) {
    case undefined:
      return await pass(upstream, request, response, seen, watches);
    case 'delay': {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, fault.ms);
      response.once('close', () => clearTimeout(timer));
      await promise;
      return await pass(upstream, request, response, seen, watches);
    }
    case 'hold':
      await fault.until;
      return await pass(upstream, request, response, seen, watches);
    case 'answer': {
      if (fault.afterCommit) await carryOut(upstream, request);
      else request.resume();
      const { status, retryAfterSeconds } = fault;
      if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', retryAfterSeconds);
      response.writeHead(status, { 'content-type': 'application/json' }).end(statusBody(status));
      return;
    }
    case 'drop':
      if (fault.afterCommit) await carryOut(upstream, request);
      request.socket.destroy();
      return;
    case 'expire watch':
      response.writeHead(200, { 'content-type': 'application/json' }).end(expiredEvent);
      return;
    case 'silence watch':
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  }
}

async function pass(
  upstream: Upstream,
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
  watches: Set<OpenWatch>,
): Promise<void> {
  if (response.closed) return;
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const answer = await forward(upstream, request, gone.signal);
  const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers;
  response.writeHead(answer.statusCode ?? 502, headers);
  if (!seen.isWatch || answer.statusCode !== 200) return await pipeline(answer, response);
  response.flushHeaders();
  const watch: OpenWatch = {
    seen,
    end(last) {
      answer.unpipe(response).destroy();
      response.end(last);
    },
    silence() {
      answer.unpipe(response).resume();
    },
  };
  watches.add(watch);
  response.once('close', () => watches.delete(watch));
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}

/** Sends the request upstream and reads the whole answer, whatever it is. */
async function carryOut(upstream: Upstream, request: IncomingMessage): Promise<void> {
  const answer = await forward(upstream, request, undefined);
  await finished(answer.resume());
}

async function forward(
  upstream: Upstream,
  request: IncomingMessage,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const { host: _, connection: __, ...given } = request.headers;
  const headers = { ...given, ...upstream.headers };
  const { method, url: path } = request;
  const outgoing = httpsRequest({ ...upstream, method, path, headers, ...(signal && { signal }) });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // Stays for as long as the request: a client that leaves ends the answer with an error too.
  outgoing.on('error', reject).on('response', resolve);
  request.pipe(outgoing);
  return await promise;
}

interface Upstream {
  readonly host: string;
  readonly port: number;
  /** Those that carry credentials. */
  readonly headers: OutgoingHttpHeaders | undefined;
  readonly agent: Agent;
}

async function upstreamOf(kubeconfig: string): Promise<Upstream> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new Error(`${kubeconfig} has no current cluster`);
  const { hostname, port } = new URL(server);
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || 443,
    headers: options.headers as OutgoingHttpHeaders | undefined,
    agent: new Agent({ keepAlive: true, ca, cert, key, rejectUnauthorized, servername }),
  };
}

/** JSON is YAML. */
function kubeconfigFor(port: number): string {
  const name = 'fault-proxy';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    // Without the second, client-node does not speak plain HTTP.
    clusters: [{ name, cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}
