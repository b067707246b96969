/** A GitHub, a Berth and the local stack's cluster, for one file of end-to-end tests. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, type V1Namespace } from '@kubernetes/client-node';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { accessOf } from '../../src/adapters/kubernetes/kube-config.ts';
import { endNamespace } from '../end-namespace.ts';
import { localStack } from '../local-stack.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { berthEnvironment, uniqueWord } from './berth-environment.ts';
import { type BerthProcess, type LogLine, startBerth } from './berth-process.ts';
import { type Posted, postedOn } from './posted.ts';
import { prepareCluster } from './prepare-cluster.ts';
import { type Answer, visit } from './visit.ts';

export interface World extends AsyncDisposable, Posted {
  readonly github: Simulator;
  readonly stack: LocalStack;
  readonly instance: string;
  /** Below it are the data directories: `first` is that of `berth`. */
  readonly directory: string;
  readonly cluster: CoreV1Api;
  /** The running Berth; another one after `restart`. */
  readonly berth: BerthProcess;
  /** Ends Berth the hard way and starts another. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Starts another Berth beside it, with a data directory of its own; it is ended with the world, or before. */
  startAnother(): Promise<BerthProcess>;
  /** GETs a preview through the gateway, by the URL that Berth posted. */
  visit(url: string, path?: string): Promise<Answer>;
  /** GETs a preview and checks that its page shows the text, such as the commit it was built from. */
  shows(url: string, text: string): Promise<void>;
  /** The namespaces that carry our labels, terminating ones too. */
  namespaces(): Promise<readonly V1Namespace[]>;
  /** Waits until no namespace of ours is left and GitHub says that the preview is removed. */
  removed(repo: string, number: number): Promise<void>;
}

/** A repository that shows the state of a preview and needs no build tools. */
export const examples = fileURLToPath(new URL('../../deploy/examples', import.meta.url));

export interface WorldOptions {
  /** By default the one that runs. */
  readonly stack?: LocalStack;
  /** Changes to Berth's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sees each line of Berth's log as it comes. */
  readonly onLog?: (line: LogLine) => void;
}

/** Starts a world of its own: nothing in it is shared with other worlds on the same stack but the machine. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const stack = options.stack ?? localStack();
  const instance = uniqueWord('e2e');
  const directory = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  const github = await startSimulator();
  const environment = (dataDir: string) => ({
    ...berthEnvironment(stack, github, { instance, dataDir: join(directory, dataDir) }),
    ...options.env,
  });
  const config = await prepareCluster(stack);
  const cluster = config.makeApiClient(CoreV1Api);

  const start = async () => {
    const process = await startBerth(environment('first'), options.onLog);
    github.setWebhookUrl(process.webhookUrl);
    return process;
  };
  let berth = await start();
  const others: BerthProcess[] = [];

  const namespaces = async () =>
    (await cluster.listNamespace({ labelSelector: `berth.dev/instance=${instance}` })).items;
  const posted = postedOn(github);

  const world: World = {
    github,
    stack,
    instance,
    directory,
    cluster,
    get berth() {
      return berth;
    },
    async restart(signal) {
      await berth.stop(signal);
      berth = await start();
    },
    async startAnother() {
      const process = await startBerth(environment(`other-${others.length}`), options.onLog);
      others.push(process);
      return process;
    },
    visit: (url, path = '/') => visit({ port: berth.gatewayPort }, new URL(url).hostname, path),
    async shows(url, text) {
      const { status, body } = await world.visit(url);
      assert.equal(status, 200, body);
      assert.ok(body.includes(text), `${url} does not show ${text}: ${body}`);
    },
    namespaces,
    ...posted,
    async removed(repo, number) {
      await world.commented(repo, number, /The preview is removed/);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([berth, ...others].map((each) => each.stop()));
      const api = kubernetesApi(accessOf(config));
      await Promise.all((await namespaces()).map(({ metadata }) => endNamespace(api, metadata?.name ?? '')));
      await api.close();
      await rm(directory, { recursive: true, force: true });
      await github.close();
    },
  };
  return world;
}
