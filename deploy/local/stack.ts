import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { registryHost } from './addresses.ts';
import { isDebianRoot } from './apt.ts';
import { canUseKind, dockerClusterIsHealthy, startContext, startKind, stopDockerCluster } from './docker-cluster.ts';
import { withLock } from './lock.ts';
import {
  completeNative,
  nativeIsHealthy,
  startNative,
  stopNative,
  untrustedBuilderIsHealthy,
} from './native/native.ts';
import type { StartedCluster } from './native/native.ts';
import { placesIn } from './places.ts';
import type { Places } from './places.ts';
import { progressTo } from './progress.ts';
import type { Progress } from './progress.ts';
import { redisUrl } from './redis.ts';
import type { Tools } from './tools.ts';

/**
 * A running stack: how to reach its parts, and the programs that go with them. What tests and the demo may take for granted on
 * every cluster, and nothing else:
 * - The addresses of services and pods can be connected to from this machine.
 * - Nodes pull from `registry` and from `podRegistry`, by these names; builders push to both, and pull from `registry`.
 * - `library/busybox:stable` and `library/redis:7` are in it.
 * - Whoever connects to a pod from this machine comes from `hostFromPods`, or from a node.
 * - There is one node, a default storage class, and room for two dozen previews.
 *
 * What differs, and tests must not mind: the version of Kubernetes, and with it whether Pod Security and network policies are
 * enforced, and admission policies known; who the user is; where official images come from.
 */
export interface LocalStack {
  /** `native`, `kind`, or the name of a kubeconfig context. */
  readonly cluster: string;
  readonly redisUrl: string;
  /** As image references name it, such as `localhost:5000`. */
  readonly registry: string;
  /** The same registry by the one name that pods, nodes and builders alike reach it by, in plain HTTP. */
  readonly podRegistry: string;
  /** An address of this machine that pods reach, and that nobody outside of it does. */
  readonly hostFromPods: string;
  /** Path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  /** A Docker whose BuildKit can push to the registry; `unix://…`. */
  readonly dockerHost: string;
  /** The same for what forks bring; another daemon where there can be two. */
  readonly untrustedDockerHost: string;
  readonly nodeIp: string;
  /** Whether `up` found it running: who did not start it should leave it running. */
  readonly alreadyUp: boolean;
  readonly tools: Tools;
}

export interface StackOptions {
  /** Which cluster; without it the one that runs already, else the best one this machine can have. */
  readonly cluster?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly progress?: Progress;
}

const lockName = 'berth-local-stack';

/** Makes the stack run, whatever state the machine is in, and describes it. */
export async function up(options: StackOptions = {}): Promise<LocalStack> {
  const { places, progress, cluster: wanted } = settings(options);
  return withLock(
    lockName,
    () => progress.say('waiting for another command on the stack to finish …'),
    async () => {
      const found = await healthyStack(places);
      if (found && (!wanted || found.cluster === wanted)) return completed(found, places, progress);
      await mkdir(places.state, { recursive: true, mode: 0o700 });
      if (found && found.cluster !== 'native') await stop(places, found.cluster);
      const cluster = wanted ?? (await bestCluster());
      try {
        const started = await start(cluster, places, progress);
        const stack: LocalStack = { cluster, redisUrl, registry: registryHost, alreadyUp: false, ...started };
        await describe(places, stack);
        return stack;
      } catch (error) {
        // What went wrong first is what matters; the next command clears again.
        await stop(places, cluster).catch(() => undefined);
        throw error;
      }
    },
  );
}

/** Ends the stack and leaves no process, mount or network device behind; harmless when there is none. */
export async function down(options: StackOptions = {}): Promise<void> {
  const { places, progress, cluster } = settings(options);
  await withLock(
    lockName,
    () => progress.say('waiting for another command on the stack to finish …'),
    async () => {
      const described = await describedStack(places);
      await progress.step('ending the local stack', () => stop(places, cluster ?? described?.cluster ?? 'native'));
    },
  );
}

/** The running stack; `undefined` when there is none that works as a whole. */
export async function status(options: StackOptions = {}): Promise<LocalStack | undefined> {
  const { places } = settings(options);
  const stack = await healthyStack(places);
  return stack?.cluster !== 'native' || (await untrustedBuilderIsHealthy(places)) ? stack : undefined;
}

/** The running stack, with what it lacks: an older one has no builder for forks. */
async function completed(stack: LocalStack, places: Places, progress: Progress): Promise<LocalStack> {
  const untrustedDockerHost =
    stack.cluster === 'native'
      ? await completeNative(places, progress)
      : (stack.untrustedDockerHost ?? stack.dockerHost);
  const whole = { ...stack, untrustedDockerHost, alreadyUp: true };
  if (stack.untrustedDockerHost !== untrustedDockerHost) await describe(places, whole);
  return whole;
}

function settings({ cluster, env = process.env, progress }: StackOptions) {
  return {
    places: placesIn(env),
    progress: progress ?? progressTo((text) => process.stderr.write(text)),
    cluster: cluster ?? (env['BERTH_LOCAL_CLUSTER'] || undefined),
  };
}

async function bestCluster(): Promise<string> {
  if (process.platform !== 'linux')
    throw new Error('the local stack runs on Linux: use a Linux machine or a virtual one');
  if (await canUseKind()) return 'kind';
  if (await isDebianRoot()) return 'native';
  throw new Error(
    'no cluster to be had here: install kind and a Docker that can pull images, or name a kubeconfig context with --cluster',
  );
}

async function start(cluster: string, places: Places, progress: Progress): Promise<StartedCluster> {
  if (cluster === 'native') return startNative(places, progress);
  await stop(places, cluster);
  return cluster === 'kind' ? startKind(places, progress) : startContext(places, progress, cluster);
}

async function stop(places: Places, cluster: string): Promise<void> {
  if (cluster !== 'native') await stopDockerCluster();
  await stopNative(places); // Redis is ours in every case.
}

async function healthyStack(places: Places): Promise<LocalStack | undefined> {
  const stack = await describedStack(places);
  if (!stack) return undefined;
  const healthy =
    stack.cluster === 'native' ? await nativeIsHealthy(places, stack.nodeIp) : await dockerClusterIsHealthy(stack);
  return healthy ? stack : undefined;
}

async function describedStack(places: Places): Promise<LocalStack | undefined> {
  try {
    return JSON.parse(await readFile(places.description, 'utf8')) as LocalStack;
  } catch {
    return undefined; // Never started, or ended: the description goes with the stack.
  }
}

async function describe(places: Places, stack: LocalStack): Promise<void> {
  await writeFile(`${places.description}.new`, `${JSON.stringify({ ...stack, alreadyUp: true }, undefined, 2)}\n`);
  await rename(`${places.description}.new`, places.description);
}
