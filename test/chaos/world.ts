/** All that one seed has for itself: a GitHub, a Redis, a way to the API server, a path in the registry, and two Berths. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { type KubernetesApi, kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { accessOf } from '../../src/adapters/kubernetes/kube-config.ts';
import { instanceLabel } from '../../src/adapters/kubernetes/metadata.ts';
import type { KubernetesObject } from '../../src/adapters/kubernetes/objects.ts';
import { endNamespace } from '../end-namespace.ts';
import { berthEnvironment, uniqueWord } from '../e2e/berth-environment.ts';
import { prepareCluster } from '../e2e/prepare-cluster.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { localStack } from '../local-stack.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import type { App } from './apps.ts';
import { type Berth, berthOf } from './berth.ts';
import type { Which } from './events.ts';
import { endLeftProcesses } from './leftovers.ts';
import { removeImages } from './registry.ts';
import type { Schedule } from './schedule.ts';

/** A pull request that the schedule has opened. */
export interface Pull {
  readonly repositoryId: number;
  readonly number: number;
  readonly isFork: boolean;
  /** Every revision that was pushed, oldest first. */
  readonly revisions: string[];
  /** Those that somebody with the right has approved. */
  readonly approved: Set<string>;
  /** Somebody has uninstalled its release by hand. */
  isUninstalled: boolean;
}

export interface World extends AsyncDisposable {
  readonly instance: string;
  readonly stack: LocalStack;
  readonly github: Simulator;
  readonly redis: RedisServer;
  /** What the Berths take for the API server. */
  readonly api: FaultProxy;
  /** The API server itself. */
  readonly cluster: KubernetesApi;
  readonly berths: Readonly<Record<Which, Berth>>;
  /** The folder that everything of the two Berths lies in, and is named after. */
  readonly directory: string;
  readonly repositories: readonly { readonly id: number; readonly names: string[] }[];
  /** A name from the schedule as it is in this world alone. */
  nameHere(name: string): string;
  readonly pulls: Pull[];
  /** What was pushed, by revision. */
  readonly apps: Map<string, App>;
  /** Written down with its time. */
  tell(event: string): void;
  readonly trace: readonly TraceLine[];
  /** Those that carry our instance's label, terminating ones too. */
  namespaces(): Promise<readonly KubernetesObject[]>;
}

export interface TraceLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event: string;
}

export const owner = 'acme';
export const baseOfForks = 'stable';
const limits = {
  BERTH_SWEEP_INTERVAL: '5s',
  BERTH_READY_TIMEOUT: '60s',
  BERTH_REMOVAL_TIMEOUT: '20s',
  BERTH_UNINSTALL_TIMEOUT: '10s',
  BERTH_HELM_TIMEOUT: '60s',
  BERTH_BUILD_TIMEOUT: '60s',
  BERTH_SHUTDOWN_TIMEOUT: '10s',
};

/** Starts everything but the Berths. */
export async function worldFor(schedule: Schedule): Promise<World> {
  await using started = new AsyncDisposableStack();
  const stack = localStack();
  const instance = uniqueWord(`chaos-${schedule.seed}`);
  const directory = await mkdtemp(join(tmpdir(), `berth-${instance}-`));
  started.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const redis = started.use(await startRedis());
  const api = started.use(await startFaultProxy(stack));
  const github = await startSimulator();
  started.defer(() => github.close());
  const cluster = kubernetesApi(accessOf(await prepareCluster(stack)));
  started.defer(() => cluster.close());
  started.defer(() => removeImages(stack.registry, instance));

  const berth = async (name: Which) => {
    const dataDir = join(directory, name);
    const env = {
      ...berthEnvironment(stack, github, { instance, dataDir }),
      ...limits,
      BERTH_REDIS_URL: redis.url,
      BERTH_KUBECONFIG: api.kubeconfigPath,
      BERTH_ROLES: schedule.roles[name],
    };
    return berthOf(name, env);
  };
  const berths = { A: await berth('A'), B: await berth('B') };
  // Namespaces are named after repositories, and other worlds on this cluster have pull requests of the same numbers.
  const nameHere = (name: string) => `${name}-${instance.slice(-6)}`;
  const repositories = schedule.repositories.map((each) => {
    const name = nameHere(each);
    const { id } = github.createRepository({ owner, name, private: false });
    github.setPermission(id, 'robin', 'write');
    // What forks are meant for: nothing is ever merged there, so what they get of it stays what it is.
    github.pushBranch(id, baseOfForks, {});
    return { id, names: [name] };
  });
  github.setWebhookUrl(berths.A.webhookUrl);
  const trace: TraceLine[] = [];
  const path = '/api/v1/namespaces';
  const namespaces = async () => {
    const query = { labelSelector: `${instanceLabel}=${instance}` };
    return (await cluster.list<KubernetesObject>({ path, query }, AbortSignal.timeout(30_000))).items;
  };
  // In this order: whoever still runs would make again what is removed.
  started.defer(async () => {
    for (const { metadata } of await namespaces()) await endNamespace(cluster, metadata.name);
  });
  started.defer(() => endLeftProcesses(directory));
  started.defer(async () => void (await Promise.all([berths.A.kill(), berths.B.kill()])));

  const resources = started.move();
  return {
    instance,
    stack,
    github,
    redis,
    api,
    cluster,
    berths,
    directory,
    repositories,
    nameHere,
    pulls: [],
    apps: new Map(),
    trace,
    tell: (event) => void trace.push({ at: Date.now(), event }),
    namespaces,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
