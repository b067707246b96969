/**
 * Sends webhooks at a fixed rate, whether or not the server keeps up: a program of its own, so that it does not share an
 * event loop with what it measures. Reads a `LoadOrder` from standard input and writes a `LoadReport` to standard output,
 * both JSON.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type PreparedDelivery, prepareDeliveries } from './deliveries.ts';
import { percentile } from './statistics.ts';

export interface LoadOrder {
  /** Of this very machine only. */
  readonly url: string;
  readonly secret: string;
  /** At most 1,000. */
  readonly perSecond: number;
  /** How long it lasts, at most a minute, and for how long before that the server is warmed up at the same rate. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** How many pull requests the webhooks are about. */
  readonly pullRequests: number;
}

export interface LoadReport {
  /** How many were sent after warming up. */
  readonly sent: number;
  /** Answered with a status of the 200s. */
  readonly taken: number;
  /** Taken ones in each second from the first sending to the last answer. */
  readonly perSecond: number;
  /** From the moment at which a webhook was due to the end of its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const order = JSON.parse(readFileSync(0, 'utf8')) as LoadOrder;
process.stdout.write(`${JSON.stringify(await load(order))}\n`);

async function load({ url, secret, perSecond, seconds, warmUpSeconds, pullRequests }: LoadOrder): Promise<LoadReport> {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error('only servers on this machine are put under load');
  const deliveries = prepareDeliveries(pullRequests, secret);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const sendAll = (forSeconds: number) =>
    sendAtRate(url, agent, deliveries, Math.min(perSecond, 1_000), Math.min(forSeconds, 60));
  try {
    if (warmUpSeconds > 0) await sendAll(warmUpSeconds);
    return await sendAll(seconds);
  } finally {
    agent.destroy();
  }
}

async function sendAtRate(
  url: string,
  agent: Agent,
  deliveries: readonly PreparedDelivery[],
  perSecond: number,
  seconds: number,
): Promise<LoadReport> {
  const total = Math.round(perSecond * seconds);
  const startedAt = performance.now();
  const latenciesMs: number[] = [];
  let taken = 0;
  const answers: Promise<void>[] = [];
  while (answers.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond) + 1);
    while (answers.length < due) {
      const delivery = deliveries[answers.length % deliveries.length];
      if (!delivery) throw new Error('there is nothing to send');
      // Not from when it was sent: a server that holds up the sender would be flattered.
      const dueAt = startedAt + (answers.length / perSecond) * 1_000;
      answers.push(
        send(url, agent, delivery).then((status) => {
          latenciesMs.push(performance.now() - dueAt);
          if (status >= 200 && status < 300) taken += 1;
        }),
      );
    }
    await delay(1);
  }
  await Promise.all(answers);
  return {
    sent: total,
    taken,
    perSecond: taken / ((performance.now() - startedAt) / 1_000),
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
    maxMs: percentile(latenciesMs, 100),
  };
}

/** The status of the answer, 0 when there was none. */
function send(url: string, agent: Agent, { headers, body }: PreparedDelivery): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method: 'POST', agent, headers }, (incoming) => {
      incoming.resume();
      incoming.on('end', () => resolve(incoming.statusCode ?? 0));
      incoming.on('error', () => resolve(0));
    });
    outgoing.on('error', () => resolve(0));
    outgoing.end(body);
  });
}
