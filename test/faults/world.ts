/** The whole program over a world in memory, with workers that can be killed and outlived. Nothing here waits for real time. */
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type { PreviewKey, PullRequest, Repository } from '../../src/domain/preview.ts';
import type { Ports, ReconcileSettings } from '../../src/reconcile/ports.ts';
import { type FakeClock, fakeClock } from '../fakes/clock.ts';
import { type FakeCluster, fakeCluster } from '../fakes/cluster.ts';
import { type FakeForge, fakeForge } from '../fakes/forge.ts';
import { type FakeQueue, fakeQueue } from '../fakes/queue.ts';
import { fakeReleaser, type FakeReleaser } from '../fakes/releaser.ts';
import { fakeSecrets } from '../fakes/secrets.ts';
import { fakeStore } from '../fakes/store.ts';
import { type FakeTelemetry, fakeTelemetry } from '../fakes/telemetry.ts';
import type { FakeNamespace } from '../fakes/world.ts';
import { type Approvals, approvalsOn } from './approvals.ts';
import { type Base, type Code, codeInMemory, type Content } from './code.ts';
import type { Around } from './interposed.ts';
import { type Pods, podsIn } from './pods.ts';
import { type Witness, witnessOf } from './witness.ts';
import { type Worker, workersOf } from './workers.ts';

export interface FaultWorld {
  readonly forge: FakeForge;
  readonly cluster: FakeCluster;
  readonly queue: FakeQueue;
  readonly clock: FakeClock;
  readonly telemetry: FakeTelemetry;
  readonly code: Code;
  readonly releaser: FakeReleaser;
  readonly pods: Pods;
  readonly approvals: Approvals;
  readonly witness: Witness;
  /** Another one whenever time has passed, or a pass or a build has begun or ended. */
  readonly moment: string;
  /** The fakes as the program has them. */
  readonly ports: Ports;
  namespaces(key: PreviewKey): readonly FakeNamespace[];
  /** A worker whose calls go through `around`. */
  startWorker(around: Around): Promise<Worker>;
  /** Redis comes back empty; what runs goes on. */
  emptyRedis(): void;
  /** Lets everything take so many turns. */
  turns(count: number): Promise<void>;
  /**
   * Lets time pass until nothing is queued, running or delayed any more.
   * @throws when that does not happen within `limitMs`.
   */
  drain(limitMs?: number): Promise<void>;
  /** A repository whose base branch is plain, with `maintainers` who may write to it. */
  addRepository(name: string): Repository;
  pushBase(repositoryId: number, base: Base): void;
  openPullRequest(repository: Repository, content: Content, fromForkId?: number): PullRequest;
  /** A new head, where the last one was pushed to. @returns its revision. */
  push(key: PreviewKey, content: Content): string;
}

/** They may write to a repository at first; there are more people than these. */
export const maintainers = ['mona', 'lisa'] as const;

export const settings: ReconcileSettings = {
  plan: {
    registry: 'registry.test/previews',
    previewDomain: 'preview.test',
    scheme: 'https',
    port: undefined,
    platform: 'linux/amd64',
    instance: 'berth',
  },
  limits: {
    readyTimeoutMs: 60_000,
    imageTimeoutMs: 60_000,
    removalTimeoutMs: 60_000,
    uninstallTimeoutMs: 60_000,
    resyncIntervalMs: 3_600_000,
  },
};

export function faultWorld(): FaultWorld {
  const clock = fakeClock();
  const cluster = fakeCluster();
  const forge = fakeForge();
  const approvals = approvalsOn(forge);
  const code = codeInMemory(approvals.wasApprovedAnywhere);
  const queue = fakeQueue(clock);
  const helm = fakeReleaser(cluster.world);
  const pods = podsIn(cluster, helm, code, clock);
  const telemetry = fakeTelemetry();
  let store = fakeStore(clock);
  const ports: Ports = {
    forge,
    cluster,
    queue,
    secrets: fakeSecrets(),
    releaser: pods.releaser,
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
    telemetry,
    // Nothing here is a credential, and there are a hundred thousand looks.
    redaction: { hold: () => undefined, text: (text) => text, lines: (lines) => lines },
    log: pino({ level: 'silent' }),
  };
  const witness = witnessOf(forge, cluster, code, approvals);
  const workers = workersOf(queue, ports, settings, witness);
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) await setImmediate();
  };

  return {
    forge,
    cluster,
    queue,
    clock,
    telemetry,
    code,
    approvals,
    ports,
    releaser: helm,
    pods,
    witness,
    turns,
    get moment() {
      return `${clock.now()} ms, ${workers.begun} begun, ${workers.ended} ended`;
    },
    namespaces: (key) =>
      [...cluster.world.namespaces.values()].filter(
        (each) => each.key?.repositoryId === key.repositoryId && each.key.number === key.number,
      ),
    emptyRedis() {
      queue.clear();
      store = fakeStore(clock);
    },
    startWorker: (around) => workers.start(around),
    async drain(limitMs = 7_200_000) {
      for (let passedMs = 0; passedMs <= limitMs; ) {
        await turns(5);
        const isResting = workers.begun === workers.ended && queue.isIdle;
        // What was sent by somebody who is gone by now may still be on its way.
        if (isResting && queue.isEmpty && passedMs > 0) return;
        const stepMs = isResting ? 30_000 : 5_000;
        await clock.advance(stepMs);
        passedMs += stepMs;
      }
      throw new Error(`still at work after ${limitMs / 1000} s`);
    },
    addRepository(name) {
      const repository = forge.people.addRepository('acme', name);
      for (const login of maintainers) approvals.setRole(repository.id, login, 'write');
      forge.people.pushBranch(repository.id, 'main', code.commitBase(repository.id, 'plain'));
      return repository;
    },
    pushBase: (repositoryId, base) =>
      forge.people.pushBranch(repositoryId, 'main', code.commitBase(repositoryId, base)),
    push(key, content) {
      const head = forge.current(key)?.head;
      if (!head) throw new Error('nobody has opened that pull request');
      const revision = code.commit(key.repositoryId, content, head.repositoryId ?? 0);
      forge.people.change(key, { head: { ...head, revision } });
      return revision;
    },
    openPullRequest(repository, content, fromForkId) {
      const repositoryId = fromForkId ?? repository.id;
      const revision = code.commit(repository.id, content, repositoryId);
      return forge.people.openPullRequest(repository.id, { head: { revision, branch: 'topic', repositoryId } });
    },
  };
}
