/** Passes one request to its upstream and the answer back, streaming both ways. */
import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { Upstream } from './destination.ts';
import {
  framingHeaders,
  hasBody,
  type RequestHeaderOptions,
  requestHeaders,
  requestTrailers,
} from './request-headers.ts';
import type { PreviewAgent, PreviewRequestOptions } from './preview-agent.ts';
import { responseHeaders, responseTrailers } from './response-headers.ts';

export interface ForwardOptions extends Omit<RequestHeaderOptions, 'publicProtocol'> {
  readonly agent: PreviewAgent;
  readonly connectTimeoutMs: number;
  /** Called at most once, and only as long as the client has received nothing. */
  readonly onFailure: (error: Error) => void;
  /** Called when the upstream has begun to answer. */
  readonly onAnswer?: () => void;
}

/**
 * For how long a refused connection is tried again: kube-proxy teaches the nodes about a service that has just become
 * ready at most once a second (its `--iptables-min-sync-period`), and until then they refuse for it.
 */
const refusedForMs = 1_500;
const refusedPauseMs = 100;

/**
 * Forwards the request. An upstream that breaks in the middle of its answer breaks the client's connection too, so that
 * half an answer never looks whole; a client that leaves takes the upstream request with it.
 */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
  options: ForwardOptions,
): void {
  send(request, response, upstream, { ...options, refusedUntilMs: Date.now() + refusedForMs }, options.agent);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
  options: ForwardOptions & { readonly refusedUntilMs: number },
  agent: PreviewAgent | false,
): void {
  const target: PreviewRequestOptions = {
    preview: upstream.namespace,
    host: upstream.host,
    port: upstream.port,
    method: request.method,
    path: request.url,
    headers: [
      ...requestHeaders(request, { ...options, publicProtocol: upstream.publicProtocol }),
      ...framingHeaders(request),
    ],
    agent,
    insecureHTTPParser: false,
  };
  const upstreamRequest = httpRequest(target);
  limitConnecting(upstreamRequest, options.connectTimeoutMs);
  const abandon = () => upstreamRequest.destroy();
  response.once('close', abandon);

  // Of what comes before an answer, only this passes: early hints (103) could set things up in front of it.
  upstreamRequest.once('continue', () => response.writeContinue());
  upstreamRequest.once('upgrade', (_answer, socket) => {
    // Nobody has asked for another protocol, and for Node the request is over: there will be no error either.
    socket.destroy();
    request.unpipe(upstreamRequest);
    if (!response.headersSent) options.onFailure(new UnaskedProtocolError());
  });
  upstreamRequest.once('response', (answer) => {
    options.onAnswer?.();
    try {
      response.writeHead(
        answer.statusCode ?? 502,
        answer.statusMessage,
        responseHeaders(answer, options.privateCookies),
      );
    } catch (error) {
      // A status line that Node refuses to repeat.
      answer.destroy();
      if (!response.headersSent) options.onFailure(error as Error);
      return;
    }
    answer.pipe(response, { end: false });
    answer.once('end', () => {
      response.addTrailers(responseTrailers(answer));
      response.end();
    });
    answer.once('error', () => response.destroy());
  });
  upstreamRequest.on('error', (error: NodeJS.ErrnoException) => {
    request.unpipe(upstreamRequest);
    // The client has left, or has an answer whose own stream tells how it ended.
    if (response.headersSent || response.destroyed) return;
    response.off('close', abandon);
    if (isStale(request, upstreamRequest, error)) {
      send(request, response, upstream, options, false);
    } else if (error.code === 'ECONNREFUSED' && !hasBody(request) && Date.now() < options.refusedUntilMs) {
      setTimeout(() => {
        if (!response.destroyed) send(request, response, upstream, options, agent);
      }, refusedPauseMs);
    } else {
      options.onFailure(error);
    }
  });

  if (hasBody(request)) {
    upstreamRequest.flushHeaders();
    request.pipe(upstreamRequest, { end: false });
    request.once('end', () => {
      if (upstreamRequest.destroyed) return;
      upstreamRequest.addTrailers(requestTrailers(request));
      upstreamRequest.end();
    });
  } else {
    upstreamRequest.end();
  }
}

/** The upstream speaks another protocol than it was asked to. */
class UnaskedProtocolError extends Error {
  override readonly name = 'UnaskedProtocolError';
  readonly code = 'HPE_UNASKED_UPGRADE';
  constructor() {
    super('the upstream switched to another protocol unasked');
  }
}

/** Fails a request whose connection is not there in time; once connected, it may take as long as it likes. */
export function limitConnecting(request: ClientRequest, timeoutMs: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => request.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    socket.once('connect', () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
  });
}

/**
 * Whether the upstream closed a kept connection just as it was used again, so that it has seen nothing of the request:
 * Node's documentation of `reusedSocket` advises to send it once more.
 */
function isStale(request: IncomingMessage, upstreamRequest: ClientRequest, error: NodeJS.ErrnoException): boolean {
  const repeatable = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
  return upstreamRequest.reusedSocket && error.code === 'ECONNRESET' && repeatable && !hasBody(request);
}
