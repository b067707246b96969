/** The shop as Berth brings it up: people push to a pull request, and everything else follows from GitHub's webhook. */
import type { LocalStack } from '../deploy/local/stack.ts';
import { type KubernetesApi, kubernetesApi } from '../src/adapters/kubernetes/api.ts';
import { accessOf } from '../src/adapters/kubernetes/kube-config.ts';
import type { Namespace } from '../src/adapters/kubernetes/objects.ts';
import { endNamespace } from '../test/end-namespace.ts';
import { berthEnvironment, uniqueWord } from '../test/e2e/berth-environment.ts';
import { type BerthProcess, startBerth } from '../test/e2e/berth-process.ts';
import { prepareCluster } from '../test/e2e/prepare-cluster.ts';
import type { Simulator } from '../test/simulator/simulator.ts';
import type { Shop, Side } from './cases.ts';
import { watchNamespaceEnd } from './namespace-end.ts';
import { removeKeys } from './redis-keys.ts';
import { bothImagesChanged, codeChanged, shopFolder, wordsChanged } from './shop.ts';

export interface BerthSide extends Side, AsyncDisposable {
  readonly process: BerthProcess;
  /** From sending the delivery of each first push to GitHub's taking the first comment or deployment about it. */
  readonly firstStatusMs: readonly number[];
}

const owner = 'acme';
const patienceMs = 300_000;

/** Starts a whole Berth, all roles in one process, which is what `github` then sends its webhooks to. */
export async function startBerthSide(
  stack: LocalStack,
  github: Simulator,
  dataDir: string,
  signal: AbortSignal,
): Promise<BerthSide> {
  const instance = uniqueWord('bench');
  const api = kubernetesApi(accessOf(await prepareCluster(stack)));
  const { BERTH_SWEEP_INTERVAL: _, ...env } = berthEnvironment(stack, github, { instance, dataDir });
  const berth = await startBerth({ ...env, BERTH_LOG_LEVEL: 'info' });
  github.setWebhookUrl(berth.webhookUrl);
  const firstStatusMs: number[] = [];
  const context: Context = { github, api, instance, signal, onFirstStatus: (ms) => void firstStatusMs.push(ms) };
  return {
    process: berth,
    firstStatusMs,
    newShop: async (word) => newShop(context, word),
    async [Symbol.asyncDispose]() {
      await berth.stop();
      await removeNamespaces(context);
      await removeKeys(stack.redisUrl, `{${instance}}`);
      await api.close();
    },
  };
}

interface Context {
  readonly github: Simulator;
  readonly api: KubernetesApi;
  readonly instance: string;
  readonly signal: AbortSignal;
  readonly onFirstStatus: (ms: number) => void;
}

function newShop(context: Context, word: string): Shop {
  const { github, api, signal, onFirstStatus } = context;
  const repo = `${owner}/${word}`;
  github.createRepository({ owner, name: word, from: shopFolder });
  let number = 0;

  /** Until GitHub has been told, with the URL, that this revision runs. */
  const ready = (revision: string) =>
    github.until(
      () => {
        const status = github
          .deployments(repo, number)
          .find(({ sha }) => sha === revision)
          ?.statuses.at(-1);
        if (status?.state === 'failure') throw new Error(status.description);
        return status?.state === 'success' && status.environmentUrl;
      },
      { what: `${revision} to run`, timeoutMs: patienceMs, signal },
    );

  async function update(changes: Readonly<Record<string, string>>): Promise<number> {
    const startedAt = performance.now();
    await ready(github.push(repo, number, changes));
    return performance.now() - startedAt;
  }

  return {
    async firstPush() {
      const startedAt = performance.now();
      const sentAtMs = Date.now();
      const opened = github.openPullRequest({ repo, changes: bothImagesChanged(`${owner} ${word}`) });
      number = opened.number;
      await ready(opened.headSha);
      const tookMs = performance.now() - startedAt;
      onFirstStatus(firstWriteMs(github, repo) - sentAtMs);
      return tookMs;
    },
    pushCode: () => update(codeChanged(`${owner} ${word}`)),
    pushWords: () => update(wordsChanged(word)),
    async close() {
      const end = await watchNamespaceEnd(api, await namespaceOf(context), signal);
      const startedAt = performance.now();
      github.closePullRequest(repo, number);
      return (await end()) - startedAt;
    },
  };
}

/** When GitHub took the first thing that people see. */
function firstWriteMs(github: Simulator, repo: string): number {
  const visible = new Set(['issues/create-comment', 'repos/create-deployment', 'checks/create']);
  const id = github.world.repository(repo).id;
  const first = github.requests.find(
    ({ operation, path, status }) =>
      operation !== undefined &&
      visible.has(operation) &&
      status < 300 &&
      (path.startsWith(`/repos/${repo}/`) || path.startsWith(`/repositories/${id}/`)),
  );
  return first?.at.getTime() ?? Number.NaN;
}

async function namespaces(api: KubernetesApi, instance: string, signal: AbortSignal): Promise<readonly Namespace[]> {
  const query = { labelSelector: `berth.dev/instance=${instance}` };
  const { items } = await api.list<Namespace>({ path: '/api/v1/namespaces', query }, signal);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The namespace of the one preview that there is. */
async function namespaceOf({ api, instance, signal }: Context): Promise<string> {
  const [namespace, ...others] = await namespaces(api, instance, signal);
  if (!namespace || others.length > 0) throw new Error('there is not exactly one preview');
  return namespace.metadata.name;
}

async function removeNamespaces({ api, instance }: Context): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  for (const { metadata } of await namespaces(api, instance, signal)) {
    await endNamespace(api, metadata.name);
  }
}
