/** The real reconciler over a world in memory. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { namespaceName } from '../../src/domain/names.ts';
import { keyId, type PreviewKey, type PullRequest, type Repository } from '../../src/domain/preview.ts';
import type { Status } from '../../src/domain/status.ts';
import type { QueueHandlers } from '../../src/ports.ts';
import { build } from '../../src/reconcile/build.ts';
import type { Limits, Ports, ReconcileSettings } from '../../src/reconcile/ports.ts';
import { reconcilerFor } from '../../src/reconcile/reconciler.ts';
import { createRedaction } from '../../src/redaction.ts';
import type { Files } from '../contract/source.contract.ts';
import { type FakeBuilder, fakeBuilder } from '../fakes/builder.ts';
import { type FakeClock, fakeClock } from '../fakes/clock.ts';
import { type FakeCluster, fakeCluster } from '../fakes/cluster.ts';
import { type FakeForge, fakeForge } from '../fakes/forge.ts';
import { type FakeQueue, fakeQueue } from '../fakes/queue.ts';
import { type FakeReleaser, fakeReleaser } from '../fakes/releaser.ts';
import { type FakeSecrets, fakeSecrets } from '../fakes/secrets.ts';
import { type FakeSource, fakeSource } from '../fakes/source.ts';
import { fakeStore } from '../fakes/store.ts';
import { type FakeTelemetry, fakeTelemetry } from '../fakes/telemetry.ts';
import type { FakeNamespace } from '../fakes/world.ts';

export interface Fakes extends Ports {
  readonly forge: FakeForge;
  readonly source: FakeSource;
  readonly builder: FakeBuilder;
  readonly cluster: FakeCluster;
  readonly secrets: FakeSecrets;
  readonly releaser: FakeReleaser;
  readonly queue: FakeQueue;
  readonly clock: FakeClock;
  readonly telemetry: FakeTelemetry;
}

export interface TestWorld extends Fakes {
  readonly repository: Repository;
  /** What the reconciler works with: the fakes, with what the test has put in their place. */
  readonly ports: Ports;
  readonly reconcile: QueueHandlers['reconcile'];
  /** What passes failed with since it was last asked. A test that does not ask fails with it. */
  failures(): readonly unknown[];
  openPullRequest(files?: Files, change?: Parameters<FakeForge['people']['openPullRequest']>[1]): PullRequest;
  /** One whose code lies in a stranger's repository, or in one that is gone. */
  openFork(files?: Files, isDeleted?: boolean): PullRequest;
  /** A new head revision with exactly these files, in the head's own repository. */
  push(key: PreviewKey, files: Files): string;
  /** A new tip of the branch `main`, which at first holds the application. */
  pushBase(files: Files): string;
  /** Somebody with write access writes the command; by default for the head. @returns the comment's page. */
  approve(key: PreviewKey, revision?: string): string;
  close(key: PreviewKey): void;
  reopen(key: PreviewKey): void;
  label(key: PreviewKey, ...labels: readonly string[]): void;
  /** Triggers the preview and lets the queue run until it is drained. */
  run(key: PreviewKey): Promise<void>;
  /** Lets everything take its turn until the condition holds, for passes that wait for the test. */
  until(condition: () => boolean): Promise<void>;
  /** What the preview's namespace is called. */
  name(key: PreviewKey): string;
  /** `undefined` when there is none. */
  namespace(key: PreviewKey): FakeNamespace | undefined;
  status(key: PreviewKey): Promise<Status | undefined>;
  /** Another pass does nothing: no write on the forge, none in the cluster, no build, no Helm. */
  assertSettled(key: PreviewKey): Promise<void>;
}

interface Setting {
  readonly limits?: Partial<Limits>;
  /** Puts something in the place of fakes. */
  readonly replace?: (fakes: Fakes) => Partial<Ports>;
}

/** The stranger's repository. */
const forkId = 77;
/** May write to the repository. */
export const maintainer = 'mona';

/** An application with a Dockerfile at its root. */
export const app: Files = { Dockerfile: 'FROM base\nCOPY app.txt .\n', 'app.txt': 'first' };

/** A test about a world, which must be settled when the test is through: a second pass does nothing. */
export function itInWorld(name: string, body: (world: TestWorld) => Promise<void>, setting: Setting = {}): void {
  it(name, async () => {
    const opened: PreviewKey[] = [];
    const { world, workers } = await testWorld(setting, opened);
    try {
      await body(world);
      assert.deepEqual(world.failures(), []);
      for (const key of opened) await world.assertSettled(key);
    } finally {
      await workers.close();
    }
  });
}

const planSettings: ReconcileSettings['plan'] = {
  registry: 'registry.test/previews',
  previewDomain: 'preview.test',
  scheme: 'https',
  port: undefined,
  platform: 'linux/amd64',
  instance: 'berth',
};

/** Long enough that nothing is given up unless a test wants it. */
export const patience: Limits = {
  readyTimeoutMs: 600_000,
  imageTimeoutMs: 60_000,
  removalTimeoutMs: 600_000,
  uninstallTimeoutMs: 600_000,
  resyncIntervalMs: 3_600_000,
};

async function testWorld({ limits, replace }: Setting, opened: PreviewKey[]) {
  const clock = fakeClock();
  const cluster = fakeCluster();
  const redaction = createRedaction();
  const fakes: Fakes = {
    clock,
    cluster,
    forge: fakeForge(),
    source: fakeSource(),
    builder: fakeBuilder(),
    secrets: fakeSecrets(redaction.hold),
    releaser: fakeReleaser(cluster.world),
    queue: fakeQueue(clock),
    store: fakeStore(clock),
    telemetry: fakeTelemetry(),
    redaction,
    log: pino({ level: 'silent' }),
  };
  const { forge, source, builder, queue, releaser, store } = fakes;
  builder.images.set('base', { digest: `sha256:${'0'.repeat(64)}`, labels: {}, env: [] });
  const repository = forge.people.addRepository('acme', 'shop');
  forge.people.setRole(repository.id, maintainer, 'write');
  const ports: Ports = { ...fakes, ...replace?.(fakes) };
  const reconcile = reconcilerFor(ports, { plan: planSettings, limits: { ...patience, ...limits } });
  let failures: unknown[] = [];
  const workers = await queue.work({
    reconcile: async (key, run) => {
      try {
        await reconcile(key, run);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    },
    build: (job, signal) => build(ports, job, signal),
  });

  const name = (key: PreviewKey) => namespaceName(planSettings.instance, key, repository.name);
  const traces = () =>
    structuredClone({
      writes: forge.writes,
      namespaces: [...cluster.world.namespaces.values()],
      builds: builder.builds.length,
      upgrades: releaser.upgrades.length,
    });

  const world: TestWorld = {
    ...fakes,
    forge,
    repository,
    ports,
    reconcile,
    name,
    failures() {
      const since = failures;
      failures = [];
      return since;
    },
    openPullRequest(files = app, change = {}) {
      const revision = source.commit(repository.id, files);
      const pullRequest = forge.people.openPullRequest(repository.id, {
        head: { revision, branch: 'topic', repositoryId: repository.id },
        ...change,
      });
      opened.push(pullRequest.key);
      return pullRequest;
    },
    openFork(files = app, isDeleted = false) {
      // GitHub gives what a pull request is about from the base repository.
      const revision = source.commit(repository.id, files);
      const repositoryId = isDeleted ? undefined : forkId;
      return world.openPullRequest({}, { head: { revision, branch: 'topic', repositoryId } });
    },
    push(key, files) {
      const revision = source.commit(repository.id, files);
      const head = forge.current(key)?.head ?? assert.fail('no pull request');
      forge.people.change(key, { head: { ...head, revision } });
      return revision;
    },
    pushBase(files) {
      const revision = source.commit(repository.id, files);
      forge.people.pushBranch(repository.id, 'main', revision);
      return revision;
    },
    approve(key, revision = forge.current(key)?.head.revision) {
      return forge.people.comment(key, maintainer, `/preview approve ${revision}`);
    },
    close: (key) => forge.people.change(key, { state: 'closed' }),
    reopen: (key) => forge.people.change(key, { state: 'open' }),
    label: (key, ...labels) => forge.people.change(key, { labels }),
    async run(key) {
      await queue.trigger(key);
      await queue.idle();
    },
    async until(condition) {
      while (!condition()) await setImmediate();
    },
    namespace: (key) => cluster.world.namespaces.get(name(key)),
    status: (key) => store.status(name(key)),
    async assertSettled(key) {
      const before = traces();
      await world.run(key);
      assert.deepEqual(traces(), before, `a second pass over ${keyId(key)} changes nothing`);
      assert.deepEqual(failures, []);
    },
  };
  world.pushBase(app);
  return { world, workers };
}
