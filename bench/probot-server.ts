/**
 * Probot doing what Berth's server does: check the signature, put the pull request into the queue, answer. Reads a
 * `ProbotOrder` from standard input, as JSON.
 */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { Probot, Server } from 'probot';
import { connectRedis } from '../src/adapters/redis/connection.ts';
import { openQueue } from '../src/adapters/redis/queue.ts';

export interface ProbotOrder {
  readonly port: number;
  readonly appId: number;
  readonly privateKey: string;
  readonly secret: string;
  readonly redisUrl: string;
  readonly prefix: string;
}

const order = JSON.parse(readFileSync(0, 'utf8')) as ProbotOrder;
// Both servers log each webhook, as JSON and at the level that they have by default.
const log = pino({ level: 'info' });
const redis = await connectRedis({ url: order.redisUrl }, log);
const queue = openQueue(redis, { prefix: order.prefix }, log);
const { appId, privateKey, secret } = order;
const server = new Server({
  host: '127.0.0.1',
  port: order.port,
  log,
  Probot: Probot.defaults({ appId, privateKey, secret, log }),
});
await server.load((app) => {
  app.on('pull_request', ({ payload }) =>
    queue.trigger({ repositoryId: payload.repository.id, number: payload.pull_request.number }),
  );
});
await server.start();
log.info({ port: order.port }, 'listening');
process.once('SIGTERM', () => {
  void server.stop().then(async () => {
    await queue.close();
    await redis.close();
  });
});
