/** How much one address may ask of the gateway. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { limitKey, originOf, type TrustedProxies } from '../domain/client-address.ts';

/** For each address; 0 for any number. */
export interface GatewayLimits {
  /** Requests in a second, over ten of them. */
  readonly requestsPerSecond: number;
  /** Pages of our own in a second, over ten of them: each may cost a look into Redis. */
  readonly pagesPerSecond: number;
  /** Open connections. Those of trusted proxies are not counted: they bring everybody's requests. */
  readonly connections: number;
}

export const defaultLimits: GatewayLimits = { requestsPerSecond: 500, pagesPerSecond: 50, connections: 5_000 };

export interface Limiter {
  readonly requests: Rate;
  readonly pages: Rate;
  /** Closes connections beyond the limit as they come. */
  guard(server: Server): void;
}

interface Rate {
  /** Counts one; the seconds to wait when it is one too many. */
  take(address: string): Promise<number | undefined>;
  /** The same without counting. */
  wait(address: string): Promise<number | undefined>;
}

/** Counts in memory, for this process alone. */
export function limiterOf(
  { requestsPerSecond, pagesPerSecond, connections }: GatewayLimits,
  trusted: TrustedProxies,
  log: Pick<Logger, 'warn'>,
): Limiter {
  return {
    requests: rate('requests', requestsPerSecond, log),
    pages: rate('pages', pagesPerSecond, log),
    guard(server) {
      const open = new Map<string, number>();
      server.on('connection', (socket: Socket) => {
        const { client } = originOf(socket.remoteAddress, '', trusted);
        if (connections === 0 || trusted(client)) return;
        const key = limitKey(client);
        const count = (open.get(key) ?? 0) + 1;
        open.set(key, count);
        socket.once('close', () => {
          const left = (open.get(key) ?? 1) - 1;
          if (left === 0) open.delete(key);
          else open.set(key, left);
        });
        if (count > connections) refuse(socket);
      });
    },
  };
}

const windowSeconds = 10;

function rate(what: string, perSecond: number, log: Pick<Logger, 'warn'>): Rate {
  if (perSecond === 0) return { take: async () => undefined, wait: async () => undefined };
  const points = perSecond * windowSeconds;
  const limiter = new RateLimiterMemory({ points, duration: windowSeconds });
  const seconds = ({ msBeforeNext }: RateLimiterRes) => Math.max(1, Math.ceil(msBeforeNext / 1_000));
  return {
    async take(address) {
      try {
        await limiter.consume(limitKey(address));
        return undefined;
      } catch (rejected) {
        if (!(rejected instanceof RateLimiterRes)) throw rejected;
        // Once for each address and window.
        if (rejected.consumedPoints === points + 1) log.warn({ address, what }, 'an address asks too much');
        return seconds(rejected);
      }
    },
    async wait(address) {
      const state = await limiter.get(limitKey(address));
      return state !== null && state.consumedPoints >= points ? seconds(state) : undefined;
    },
  };
}

function refuse(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.end(
    'HTTP/1.1 429 Too Many Requests\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    () => socket.destroy(),
  );
}
