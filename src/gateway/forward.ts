/** Passes one request to its upstream and the answer back, streaming both ways. */
import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { attempts, type Attempts } from './attempts.ts';
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

/** How long the head of an answer is kept back for the first of its body. */
const headAloneMs = 100;

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
  // A kept connection may be closed just as it is used again, and nobody knows what became of the request then.
  const agent = isRepeatable(request) && options.agent;
  send(request, response, upstream, { ...options, attempts: attempts(options.connectTimeoutMs) }, agent);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
  options: ForwardOptions & { readonly attempts: Attempts },
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
  let wasConnected = false;
  limitConnecting(upstreamRequest, options.attempts.connectMs(), () => {
    wasConnected = true;
    // What has been read of a body is gone: until there is a connection, the whole request can be sent to another.
    if (hasBody(request)) sendBody(request, upstreamRequest);
  });
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
  let isOver = false;
  const failed = (error: NodeJS.ErrnoException) => {
    // The client has left, or has an answer whose own stream tells how it ended.
    if (isOver || response.headersSent || response.destroyed) return;
    isOver = true;
    response.off('close', abandon);
    const failure = { wasConnected, isRepeatable: isRepeatable(request), code: error.code };
    const pauseMs = options.attempts.pauseAfter(failure);
    if (pauseMs === undefined) return options.onFailure(error);
    setTimeout(() => {
      if (!response.destroyed) send(request, response, upstream, options, false);
    }, pauseMs);
  };
  upstreamRequest.once('response', (answer) => {
    const begin = () => {
      clearTimeout(timer);
      answer.off('readable', begin);
      if (!isOver) passOn(answer, response, options);
    };
    // Whoever dies right after the head has not answered. A head alone may be an answer that takes its time.
    const timer = setTimeout(() => {
      begin();
      if (!response.destroyed) response.flushHeaders();
    }, headAloneMs);
    answer.once('readable', begin);
    answer.once('error', (error) => {
      clearTimeout(timer);
      failed(error);
      if (response.headersSent) response.destroy();
    });
  });
  upstreamRequest.on('error', (error) => {
    request.unpipe(upstreamRequest);
    failed(error);
  });

  if (hasBody(request)) upstreamRequest.flushHeaders();
  else upstreamRequest.end();
}

function passOn(answer: IncomingMessage, response: ServerResponse, options: ForwardOptions): void {
  options.onAnswer?.();
  try {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer, options.privateCookies));
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
}

function sendBody(request: IncomingMessage, upstreamRequest: ClientRequest): void {
  request.pipe(upstreamRequest, { end: false });
  request.once('end', () => {
    if (upstreamRequest.destroyed) return;
    upstreamRequest.addTrailers(requestTrailers(request));
    upstreamRequest.end();
  });
}

/** The upstream speaks another protocol than it was asked to. */
class UnaskedProtocolError extends Error {
  override readonly name = 'UnaskedProtocolError';
  readonly code = 'HPE_UNASKED_UPGRADE';
  constructor() {
    super('the upstream switched to another protocol unasked');
  }
}

/** Whether a request becomes more than a question by being asked twice. Source: RFC 9110, section 9.2. */
function isRepeatable(request: IncomingMessage): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(request.method ?? '') && !hasBody(request);
}

/**
 * Fails a request whose connection is not there in time; once connected, it may take as long as it likes.
 * @param onConnected called once there is a connection, new or kept.
 */
export function limitConnecting(request: ClientRequest, timeoutMs: number, onConnected: () => void): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return onConnected();
    const timer = setTimeout(() => request.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      onConnected();
    });
    socket.once('close', () => clearTimeout(timer));
  });
}
