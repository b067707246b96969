/** Refuses requests, and slows down those who keep on sending what has to be refused. */
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Logger } from 'pino';
import { limitKey, noProxies, originOf, type TrustedProxies } from '../domain/client-address.ts';

export interface RefusalOptions {
  /** How many refused requests an address may send in a minute before it is told to wait; 0 for any number. */
  readonly refusalsPerMinute?: number;
  /** Whose word about where a request comes from is taken. */
  readonly trusted?: TrustedProxies;
  readonly log: Pick<Logger, 'warn'>;
}

export interface Refusals {
  /**
   * Answers with this status, or with 429 when the sender has been refused too often; `reason` goes to the log and, shortly, to
   * the sender. Nothing that was signed properly ever comes here: GitHub's addresses are few, and others may share them.
   */
  refuse(request: FastifyRequest, reply: FastifyReply, statusCode: number, reason: string): Promise<FastifyReply>;
  /** The address that sent the request, as far as known. */
  addressOf(request: IncomingMessage): string;
}

const lingerMs = 2_000;

/** Counts by address, in memory, for a minute. */
export function refusals({ refusalsPerMinute = 60, trusted = noProxies, log }: RefusalOptions): Refusals {
  const limiter =
    refusalsPerMinute > 0 ? new RateLimiterMemory({ points: refusalsPerMinute, duration: 60 }) : undefined;
  const addressOf = (request: IncomingMessage): string => {
    const claims = request.headers['x-forwarded-for'];
    return originOf(request.socket.remoteAddress, typeof claims === 'string' ? claims : '', trusted).client;
  };
  return {
    addressOf,
    async refuse(request, reply, statusCode, reason) {
      lingerFor(request.raw);
      const address = addressOf(request.raw);
      const fields = { address, path: request.routeOptions.url, statusCode };
      try {
        await limiter?.consume(limitKey(address));
      } catch (rejected) {
        if (!(rejected instanceof RateLimiterRes)) throw rejected;
        // Once for each address and minute: a log is not for strangers to fill.
        if (rejected.consumedPoints === refusalsPerMinute + 1) log.warn(fields, 'too many refused requests');
        const seconds = Math.ceil(rejected.msBeforeNext / 1_000);
        return reply.code(429).header('retry-after', seconds).send({ error: 'too many refused requests' });
      }
      log.warn({ ...fields, reason }, 'request refused');
      return reply.code(statusCode).send({ error: reason });
    },
  };
}

/**
 * Hanging up on somebody who is still sending resets the connection, and the answer is lost with it. So what comes is
 * thrown away for a while.
 */
export function lingerFor(request: IncomingMessage): void {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || request.complete) return;
  const timer = setTimeout(() => request.destroy(), lingerMs);
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
