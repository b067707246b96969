/** What goes wrong, for a while. */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { apiStatusOf } from '../../src/adapters/kubernetes/api-error.ts';
import { fenceAnnotation, releaseAnnotation } from '../../src/adapters/kubernetes/metadata.ts';
import type { KubernetesObject } from '../../src/adapters/kubernetes/objects.ts';
import { previewSelector } from '../../src/adapters/kubernetes/ownership.ts';
import { releaseName } from '../../src/domain/names.ts';
import type { ClusterEvent, DeliveryEvent, GitHubEvent, ProcessEvent, RedisEvent } from './events.ts';
import type { World } from './world.ts';

type Trouble = DeliveryEvent | ProcessEvent | RedisEvent | GitHubEvent | ClusterEvent;

export interface Troubles {
  /** Begins it; what it takes is done beside the schedule. */
  begin(event: Trouble): void;
  /** Ends all of it but what is frozen: a process that outlives its lock needs its time. */
  end(): Promise<void>;
}

const cueMs = 3_000;
const slowMs = 1_500;
/** How long somebody looks for a namespace to meddle with. */
const namespaceMs = 10_000;

export function troublesIn(world: World): Troubles {
  const { github, redis, api, berths, tell } = world;
  const underWay = new Set<Promise<unknown>>();
  const mending = new Map<NodeJS.Timeout, () => Promise<void>>();

  const run = (what: string, work: () => Promise<unknown>) => {
    const done = work().catch((error: unknown) => tell(`${what}: ${String(error)}`));
    underWay.add(done);
    void done.finally(() => underWay.delete(done));
  };
  const mendAfter = (ms: number, what: string, mend: () => Promise<void> | void) => {
    const timer = setTimeout(() => {
      mending.delete(timer);
      run(what, async () => {
        await mend();
        tell(`${what} ends`);
      });
    }, ms);
    mending.set(timer, async () => mend());
  };
  const command = async (...words: [string, ...string[]]) => {
    const client = new Redis(redis.url, {
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      connectTimeout: 1_000,
      commandTimeout: 2_000,
      // It may be frozen.
      enableReadyCheck: false,
    });
    client.on('error', () => undefined);
    try {
      const [name, ...args] = words;
      await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  };

  const begin = (event: Trouble): void => {
    switch (event.do) {
      case 'lose deliveries':
        return github.deliveries.lose({}, event.times);
      case 'repeat deliveries':
        return github.deliveries.repeat({}, event.copies, event.times);
      case 'hold deliveries':
        github.deliveries.hold();
        return mendAfter(event.forMs, event.do, () => github.deliveries.release(event.order));
      case 'deliver to':
        return github.setWebhookUrl(berths[event.which].webhookUrl);
      case 'kill':
        return run(event.do, async () => {
          const berth = berths[event.which];
          if (event.at !== 'now') await berth.says(event.at, cueMs);
          await berth.kill();
          tell(`${event.which} is dead`);
          mendAfter(event.downMs, `the absence of ${event.which}`, berth.start);
        });
      case 'restart':
        return run(event.do, async () => {
          const berth = berths[event.which];
          const code = await berth.terminate();
          tell(`${event.which} ended with ${code}`);
          berth.start();
        });
      case 'freeze':
        return run(event.do, async () => {
          berths[event.which].freeze();
          await delay(event.forMs);
          berths[event.which].thaw();
          tell(`the freeze of ${event.which} ends`);
        });
      case 'outage':
        return run(event.do, async () => {
          await Promise.all([berths.A.kill(), berths.B.kill()]);
          mendAfter(event.forMs, event.do, () => {
            berths.A.start();
            berths.B.start();
          });
        });
      case 'empty redis':
        return run(event.do, async () => {
          await redis.kill();
          mendAfter(event.forMs, event.do, () => redis.startEmpty());
        });
      case 'freeze redis':
        redis.freeze();
        return mendAfter(event.forMs, event.do, () => redis.thaw());
      case 'read-only redis':
        // The replica of a master that is not there: it keeps what it has, and takes no writes.
        run(event.do, () => command('REPLICAOF', '127.0.0.1', '1'));
        return mendAfter(event.forMs, event.do, () => command('REPLICAOF', 'NO', 'ONE'));
      case 'full redis':
        run(event.do, () => command('CONFIG', 'SET', 'maxmemory', '1'));
        return mendAfter(event.forMs, event.do, () => command('CONFIG', 'SET', 'maxmemory', '0'));
      case 'github':
        return beginAtGitHub(world, event);
      case 'api server':
        return beginAtApiServer(world, event);
      case 'cut connections':
        return api.cut();
      case 'expire watches':
        return void api.expireWatches();
      case 'silence watches':
        return void api.silenceWatches();
      case 'remove namespace':
        return run(event.do, async () => {
          const name = await namespaceOf(world, event.pull, fenceAnnotation);
          tell(name ? `somebody removes ${name}` : 'there is no namespace to remove');
          if (name) await world.cluster.json({ method: 'DELETE', path: pathOf(name) }, AbortSignal.timeout(10_000));
        });
      case 'uninstall':
        return run(event.do, async () => {
          const name = await namespaceOf(world, event.pull, releaseAnnotation);
          tell(name ? `somebody uninstalls the release in ${name}` : 'there is no release to uninstall');
          const pull = world.pulls[event.pull];
          if (!name || !pull) return;
          pull.isUninstalled = true;
          const { helm } = world.stack.tools;
          const args = ['uninstall', releaseName, '--namespace', name, '--kubeconfig', world.stack.kubeconfig];
          await promisify(execFile)(helm, args, { timeout: 20_000 });
        });
      case 'hold namespace':
        return run(event.do, async () => {
          const name = await namespaceOf(world, event.pull, fenceAnnotation);
          if (!name) return tell('there is no namespace to hold');
          const path = `${pathOf(name)}/configmaps`;
          const metadata = { name: 'held', finalizers: ['example.com/hold'] };
          await world.cluster.json({ method: 'POST', path, body: { metadata } }, AbortSignal.timeout(10_000));
          tell(`a finalizer holds ${name}`);
          mendAfter(event.forMs, `the hold on ${name}`, () => letGo(world, name));
        });
    }
  };

  return {
    begin,
    async end() {
      while (mending.size > 0 || underWay.size > 0) {
        for (const [timer, mend] of mending) {
          clearTimeout(timer);
          mending.delete(timer);
          run('mending', mend);
        }
        await Promise.all(underWay);
      }
      github.faults.clear();
      github.deliveries.behave();
      api.heal();
      // What was to be mended while it was away or frozen was not.
      redis.thaw();
      try {
        await command('REPLICAOF', 'NO', 'ONE');
        await command('CONFIG', 'SET', 'maxmemory', '0');
      } catch {
        await redis.startEmpty();
      }
      for (const berth of [berths.A, berths.B]) {
        berth.thaw();
        berth.start();
      }
    },
  };
}

function beginAtGitHub({ github: { faults } }: World, { fault, times }: GitHubEvent): void {
  const lists = { match: { path: /\/pulls$|\/installation\/repositories$/ }, times };
  const write = { match: { method: 'POST', path: /\/(comments|deployments|statuses)$/ }, times };
  switch (fault) {
    case 'is slow':
      return void faults.add({ delayMs: slowMs, times: 5 * times });
    case 'answers 502':
      return void faults.add({ status: 502, times: 2 * times });
    case 'is out of requests':
      return void faults.primaryRateLimit({ resetInSeconds: 2, times });
    case 'asks for patience':
      return void faults.secondaryRateLimit({ retryAfterSeconds: 2, times });
    case 'hangs up':
      return void faults.add({ dropConnection: true, times: 2 * times });
    case 'hangs up after a write':
      return void faults.add({ ...write, dropConnection: true, afterCommit: true });
    case 'lists nothing':
      return void faults.emptyPage(lists);
    case 'lists half':
      return void faults.halfPage(lists);
    case 'knows no pull request':
      return void faults.add({ match: { path: 'pulls/get' }, status: 404, body: { message: 'Not Found' }, times });
    case 'serves no git':
      return void faults.add({ match: { path: 'git' }, status: 503, times });
  }
}

function beginAtApiServer({ api }: World, { fault, times }: Extract<ClusterEvent, { do: 'api server' }>): void {
  const writes = { method: ['POST', 'PUT', 'PATCH', 'DELETE'] };
  switch (fault) {
    case 'is slow':
      return void api.fault({ isWatch: false }, { do: 'delay', ms: slowMs }, times);
    case 'answers 503':
      return void api.fault({}, { do: 'answer', status: 503 }, 2 * times);
    case 'answers 429':
      return void api.fault({}, { do: 'answer', status: 429, retryAfterSeconds: 1 }, times);
    case 'answers 409':
      return void api.fault(writes, { do: 'answer', status: 409 }, times);
    case 'answers 504 after a write':
      return void api.fault(writes, { do: 'answer', status: 504, afterCommit: true }, times);
    case 'hangs up':
      return void api.fault({}, { do: 'drop' }, 2 * times);
    case 'hangs up after a write':
      return void api.fault(writes, { do: 'drop', afterCommit: true }, times);
    case 'hangs up on Helm':
      return void api.fault({ userAgent: /^Helm/ }, { do: 'drop' }, 2 * times);
    case 'expires watches':
      return void api.fault({ isWatch: true }, { do: 'expire watch' }, times);
    case 'silences watches':
      return void api.fault({ isWatch: true }, { do: 'silence watch' }, times);
  }
}

/** The namespace of a pull request, as soon as `annotation` is on it; `undefined` when that does not come soon. */
async function namespaceOf(world: World, index: number, annotation: string): Promise<string | undefined> {
  const pull = world.pulls[index];
  if (!pull) return undefined;
  const query = { labelSelector: previewSelector(world.instance, pull) };
  const signal = AbortSignal.timeout(2 * namespaceMs);
  for (const until = Date.now() + namespaceMs; ; ) {
    const { items } = await world.cluster.list<KubernetesObject>({ path: '/api/v1/namespaces', query }, signal);
    const found = items.find(({ metadata }) => metadata.annotations?.[annotation] !== undefined);
    if (found && found.metadata.deletionTimestamp === undefined) return found.metadata.name;
    if (Date.now() > until) return undefined;
    await delay(250);
  }
}

async function letGo({ cluster }: World, namespace: string): Promise<void> {
  const path = `${pathOf(namespace)}/configmaps/held`;
  const contentType = 'application/merge-patch+json';
  const body = { metadata: { finalizers: null } };
  const signal = AbortSignal.timeout(10_000);
  try {
    await cluster.json({ method: 'PATCH', path, contentType, body }, signal);
    await cluster.json({ method: 'DELETE', path }, signal);
  } catch (error) {
    // Freed, it goes with its namespace.
    if (apiStatusOf(error) !== 404) throw error;
  }
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}`;
}
