/** The whole program over a world in memory, with workers that can be killed and outlived. Nothing here waits for real time. */
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { maxDelayMs } from '../../src/adapters/redis/options.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis, PreviewKey, PullRequest, Repository } from '../../src/domain/preview.ts';
import type { QueueHandlers, QueueWorkers, Releaser } from '../../src/ports.ts';
import { build } from '../../src/reconcile/build.ts';
import type { Limits, Ports, ReconcileSettings } from '../../src/reconcile/ports.ts';
import { reconcilerFor } from '../../src/reconcile/reconciler.ts';
import { type FakeClock, fakeClock } from '../fakes/clock.ts';
import { type FakeCluster, fakeCluster } from '../fakes/cluster.ts';
import { type FakeForge, fakeForge } from '../fakes/forge.ts';
import { type FakeQueue, fakeQueue } from '../fakes/queue.ts';
import { fakeReleaser, type FakeReleaser } from '../fakes/releaser.ts';
import { fakeStore } from '../fakes/store.ts';
import { fakeTelemetry } from '../fakes/telemetry.ts';
import type { FakeNamespace } from '../fakes/world.ts';
import { type Around, type Call, interposed } from './interposed.ts';
import { type Code, codeInMemory, type Content } from './code.ts';

export interface FaultWorld {
  readonly forge: FakeForge;
  readonly cluster: FakeCluster;
  readonly queue: FakeQueue;
  readonly clock: FakeClock;
  readonly code: Code;
  readonly releaser: FakeReleaser;
  /** The fakes as the program has them. */
  readonly ports: Ports;
  /** The image that runs in each namespace, by UID. */
  readonly running: ReadonlyMap<string, string>;
  /** Writes that named another preview than the one that was being worked on. */
  readonly strayWrites: readonly string[];
  namespaces(key: PreviewKey): readonly FakeNamespace[];
  /** A worker whose calls go through `around`. */
  startWorker(around: Around): Promise<Worker>;
  /** Everything in Redis but the queues is forgotten. */
  emptyStore(): void;
  /** Lets everything take so many turns. */
  turns(count: number): Promise<void>;
  /** Lets time pass until nothing is queued, running or delayed any more. @throws when that does not happen within `limitMs`. */
  drain(limitMs?: number): Promise<void>;
  openPullRequest(repository: Repository, content: Content, fromForkId?: number): PullRequest;
}

export interface Worker {
  /** SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL: nothing that it does from now on has an effect, and what it does is given to others. */
  kill(): void;
}

const settings: ReconcileSettings = {
  plan: {
    registry: 'registry.test/previews',
    previewDomain: 'preview.test',
    scheme: 'https',
    port: undefined,
    platform: 'linux/amd64',
    instance: 'berth',
  },
  // Time is the clock's, which real timers do not know: what is waited for always comes in the end.
  limits: hours(20),
};

function hours(count: number): Limits {
  const ms = count * 60 * 60 * 1000;
  return { readyTimeoutMs: ms, imageTimeoutMs: ms, removalTimeoutMs: ms, uninstallTimeoutMs: ms, resyncIntervalMs: ms };
}

/** How long pods take to become ready, or to crash. */
const podsMs = 2_000;
const crash: Diagnosis = { reason: 'ContainerCrashed', message: 'The container web crashed.' };
const refusal: Diagnosis = { reason: 'ChartInvalid', message: 'The chart cannot be rendered.' };

export function faultWorld(): FaultWorld {
  const clock = fakeClock();
  const cluster = fakeCluster();
  const forge = fakeForge();
  const code = codeInMemory();
  // An outage of BuildKit that outlasts all attempts is a matter of the queue's tests.
  const queue = fakeQueue(clock, { buildAttempts: Infinity });
  const helm = fakeReleaser(cluster.world);
  let store = fakeStore(clock);
  const running = new Map<string, string>();
  const strayWrites: string[] = [];

  const releaser: Releaser = {
    ...helm,
    async upgrade(request, signal) {
      const digest = /sha256:[0-9a-f]{64}/.exec(JSON.stringify(request.values))?.[0] ?? '';
      const fate = code.builtFrom(digest)?.fate;
      if (fate === 'chart fails') throw new DiagnosedError(refusal);
      const released = await helm.upgrade(request, signal);
      const namespace = cluster.world.namespace(request.namespace);
      running.set(namespace.uid, digest);
      cluster.setWorkloads(namespace.name, { state: 'progressing', message: 'The pod web-1 is being started.' });
      clock.after(podsMs, () => {
        if (running.get(namespace.uid) !== digest || !cluster.world.namespaces.has(namespace.name)) return;
        if (cluster.world.namespace(namespace.name) !== namespace || namespace.helm.length === 0) return;
        const state =
          fate === 'pods crash' ? ({ state: 'failing', diagnosis: crash } as const) : { state: 'ready' as const };
        cluster.setWorkloads(namespace.name, state);
      });
      return released;
    },
  };
  const ports: Ports = {
    forge,
    cluster,
    queue,
    releaser,
    source: code.source,
    builder: code.builder,
    store: {
      saveStatus: (...args) => store.saveStatus(...args),
      status: (...args) => store.status(...args),
      appendLog: (...args) => store.appendLog(...args),
      log: (...args) => store.log(...args),
      get: (...args) => store.get(...args),
      set: (...args) => store.set(...args),
      forget: (...args) => store.forget(...args),
      claim: (...args) => store.claim(...args),
    },
    clock,
    telemetry: fakeTelemetry(),
    log: pino({ level: 'silent' }),
  };
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) await setImmediate();
  };

  /** Whom a call that writes is about, `undefined` for one that only reads. */
  function subjectOf({ name, args }: Call): PreviewKey | undefined {
    const [first] = args;
    switch (name) {
      case 'forge.writeComment':
      case 'forge.writeDeployment':
      case 'forge.retireDeployments':
      case 'queue.trigger':
      case 'queue.startBuilds':
      case 'queue.cancelBuilds':
      case 'store.saveStatus':
        return first as PreviewKey;
      case 'cluster.prepareNamespace':
        return (first as { readonly key: PreviewKey }).key;
      case 'releaser.upgrade':
        return ownerOf((first as { readonly namespace: string }).namespace);
      case 'cluster.raiseFence':
        return ownerOf((first as { readonly name: string }).name);
      case 'cluster.recordRelease':
      case 'cluster.recordRevision':
      case 'cluster.deleteNamespace':
      case 'releaser.unlock':
      case 'releaser.uninstall':
        return ownerOf(first as string);
      default:
        return undefined;
    }
  }
  const ownerOf = (namespace: string) => cluster.world.namespaces.get(namespace)?.key;

  return {
    forge,
    cluster,
    queue,
    clock,
    code,
    ports,
    releaser: helm,
    running,
    strayWrites,
    turns,
    namespaces: (key) =>
      [...cluster.world.namespaces.values()].filter(
        (each) => each.key?.repositoryId === key.repositoryId && each.key.number === key.number,
      ),
    emptyStore: () => void (store = fakeStore(clock)),
    async startWorker(around) {
      const { promise: death, reject: die } = Promise.withResolvers<never>();
      death.catch(() => undefined);
      let isAlive = true;
      const mortal: Around = async (call, effect) => {
        // What a dead process has not sent yet is never sent.
        const unlessDead = () => (isAlive ? effect() : death);
        return isAlive ? Promise.race([around(call, unlessDead), death]) : death;
      };
      const handlers: QueueHandlers = {
        reconcile(key, run) {
          const watched: Around = (call, effect) => {
            const subject = subjectOf(call);
            if (subject && (subject.repositoryId !== key.repositoryId || subject.number !== key.number)) {
              strayWrites.push(`${call.name} about ${JSON.stringify(subject)} while at work on ${JSON.stringify(key)}`);
            }
            return mortal(call, effect);
          };
          return reconcilerFor(interposed(ports, watched), settings)(key, run);
        },
        build: (job, signal) => build(interposed(ports, mortal), job, signal),
      };
      const workers: QueueWorkers = await queue.work(handlers);
      return {
        stop: () => workers.close(),
        kill() {
          isAlive = false;
          die(new Error('killed'));
          void workers.close();
        },
      };
    },
    async drain(limitMs = 600_000) {
      let restingMs = 0;
      for (let passedMs = 0; passedMs <= limitMs; passedMs += 5_000) {
        await turns(5);
        restingMs = queue.isIdle ? restingMs + 5_000 : 0;
        // Builds that are tried again later are not seen from outside.
        if (restingMs > maxDelayMs && queue.delayed.size === 0) return;
        await clock.advance(5_000);
      }
      throw new Error(`still at work after ${limitMs / 1000} s`);
    },
    openPullRequest(repository, content, fromForkId) {
      const repositoryId = fromForkId ?? repository.id;
      const revision = code.commit(repositoryId, content);
      return forge.people.openPullRequest(repository.id, { head: { revision, branch: 'topic', repositoryId } });
    },
  };
}
