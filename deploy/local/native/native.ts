import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isListening, networks, nodeAddress, podRegistryHost, ports } from '../addresses.ts';
import { isDebianRoot } from '../apt.ts';
import { pushBaseImages } from '../base-images.ts';
import { areRunning, foreignStack, markedProcesses } from '../daemons.ts';
import { pingDocker } from '../docker.ts';
import { buildKubernetes } from '../kubernetes-build.ts';
import type { Places } from '../places.ts';
import type { Progress } from '../progress.ts';
import { redisAnswers, startRedis } from '../redis.ts';
import { registryAnswers, startPodRegistry, startRegistry } from '../registry.ts';
import { run } from '../run.ts';
import { daemonTree, nativeTools } from '../tools.ts';
import type { Tools } from '../tools.ts';
import { waitUntil } from '../wait.ts';
import { apiAnswers } from './api.ts';
import { endProcesses, removeLeftovers } from './cleanup.ts';
import { startContainerd } from './containerd.ts';
import { startApiServer, startControllerManager, startEtcd, startScheduler } from './control-plane.ts';
import type { ControlPlaneContext } from './control-plane.ts';
import { dockerDaemon, dockerHost, startDockerd } from './dockerd.ts';
import { startDns } from './dns.ts';
import { createNetwork } from './network.ts';
import { startKubelet, startProxy } from './node.ts';
import { ensurePki } from './pki.ts';
import { startVolumes } from './volumes.ts';

/** What a cluster's way of starting gives back. */
export interface StartedCluster {
  readonly kubeconfig: string;
  readonly dockerHost: string;
  readonly untrustedDockerHost: string;
  readonly podRegistry: string;
  readonly hostFromPods: string;
  readonly nodeIp: string;
  readonly tools: Tools;
}

const daemons = [
  'redis',
  'registry',
  'registry-pods',
  'containerd',
  'dockerd',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'dnsmasq',
  'dns-feed',
  'open-volumes',
] as const;

/** Whether every part of a native stack runs and answers, but for what `completeNative` can still start. */
export async function nativeIsHealthy(places: Places, nodeIp: string): Promise<boolean> {
  if (nodeIp !== nodeAddress() || !(await areRunning(places, daemons))) return false;
  const pki = await ensurePki(places, nodeIp);
  const allAnswer = async (): Promise<boolean> => {
    const checks = [redisAnswers(), registryAnswers(), pingDocker(dockerHost(places)), apiAnswers(pki, '/readyz')];
    return (await Promise.allSettled(checks)).every((check) => check.status === 'fulfilled' && check.value);
  };
  // A machine under load answers late; to take that for broken would end a stack that others use.
  return waitUntil('the stack to answer', allAnswer, { timeoutMs: 20_000 }).then(
    () => true,
    () => false,
  );
}

/** Whether the builder for what forks bring runs. */
export async function untrustedBuilderIsHealthy(places: Places): Promise<boolean> {
  if (!(await areRunning(places, [dockerDaemon('untrusted')]))) return false;
  return waitUntil('the builder', () => pingDocker(dockerHost(places, 'untrusted')), { timeoutMs: 20_000 }).then(
    () => true,
    () => false,
  );
}

/** Starts what a running stack lacks, without a disturbance to the rest. @returns where its second builder listens. */
export async function completeNative(places: Places, progress: Progress): Promise<string> {
  if (!(await untrustedBuilderIsHealthy(places))) {
    const tree = await progress.step('finding the daemons and tools', () => daemonTree(places));
    await progress.step('starting the builder for forks', () => startUntrustedBuilder(places, tree));
  }
  return dockerHost(places, 'untrusted');
}

async function startUntrustedBuilder(places: Places, tree: string): Promise<void> {
  const name = dockerDaemon('untrusted');
  for (const { pid, daemon } of await markedProcesses(places)) if (daemon === name) process.kill(pid, 'SIGKILL');
  await waitUntil(`${name} to end`, async () => !(await areRunning(places, [name])));
  await createNetwork(places);
  await startDockerd(places, tree, 'untrusted');
}

/** Starts Redis, the registry, BuildKit and a one-node Kubernetes as plain processes; needs Debian and root. */
export async function startNative(places: Places, progress: Progress): Promise<StartedCluster> {
  if (!(await isDebianRoot())) throw new Error('the native cluster needs Debian and root; name another with --cluster');
  const nodeIp = nodeAddress();
  if (!nodeIp) throw new Error('this machine has no network address for pods to reach it by');
  await progress.step('clearing what an earlier stack left', () => stopNative(places));
  for (const folder of [places.run, places.scratch]) await mkdir(folder, { recursive: true, mode: 0o700 });

  const tree = await progress.step('finding the daemons and tools', () => daemonTree(places));
  const tools = await nativeTools(places, tree);
  const kubernetes = await buildKubernetes(places, progress);
  await refuseTakenPorts();

  const pki = await ensurePki(places, nodeIp);
  const context: ControlPlaneContext = { places, kubernetes, tree, pki, nodeIp };
  await createNetwork(places);
  await progress.step('starting Redis, the registry, BuildKit and Kubernetes', async () => {
    const runtime = startContainerd(places, tree);
    await settled([
      startRedis(places, tools.redisServer),
      (async () => {
        await settled([startRegistries(places, tree), runtime.then(() => startDockerd(places, tree))]);
        await progress.step('pushing the base images', () =>
          pushBaseImages(places, tools, dockerHost(places), tree, kubernetes),
        );
      })(),
      runtime.then(() => startDockerd(places, tree, 'untrusted')),
      (async () => {
        await startEtcd(context);
        await startApiServer(context);
        await runtime;
        await settled([
          startControllerManager(context),
          startScheduler(context),
          startProxy(context),
          startKubelet(context),
          startDns(context),
          startVolumes(context),
        ]);
      })(),
    ]);
  });
  await progress.step('waiting for the cluster to take pods', () => prepareCluster(context, tools));
  return {
    kubeconfig: pki.kubeconfig('admin'),
    dockerHost: dockerHost(places),
    untrustedDockerHost: dockerHost(places, 'untrusted'),
    podRegistry: podRegistryHost,
    hostFromPods: networks.podGateway,
    nodeIp,
    tools,
  };
}

/** Ends every process of the native stack and removes what they leave; harmless when there is none. */
export async function stopNative(places: Places): Promise<void> {
  // Bridges, ports and control groups are the machine's, not a cache folder's: a second stack would wreck the first.
  const foreign = await foreignStack(places);
  if (foreign) throw new Error(`another stack runs, with its state in ${foreign}: end that one first`);
  await endProcesses(places);
  // Without root there was no native cluster, only Redis.
  if (process.getuid?.() === 0) await removeLeftovers(places);
  else await rm(places.run, { recursive: true, force: true });
  await rm(places.description, { force: true });
}

async function startRegistries(places: Places, tree: string): Promise<void> {
  // The first one clears what is stored; nobody may write meanwhile.
  await startRegistry(places, tree);
  await startPodRegistry(places, tree);
}

/** Waits for all, even when one fails, so that nothing is still being started when the failure is reported. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(work)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  if (failures.length > 0) throw failures[0];
}

async function refuseTakenPorts(): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    if (await isListening(port))
      throw new Error(`port ${port}, needed for ${name}, is taken by another program: end it first`);
  }
}

/** Gives charts a default storage class, and waits for what every pod needs: its service account. */
async function prepareCluster({ pki, places }: ControlPlaneContext, tools: Tools): Promise<void> {
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/host-path',
  };
  const manifest = path.join(places.run, 'storage-class.json');
  await writeFile(manifest, JSON.stringify(storageClass));
  const apply = run([
    tools.kubectl,
    '--kubeconfig',
    pki.kubeconfig('admin'),
    'apply',
    '--validate=false',
    '-f',
    manifest,
  ]);
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await Promise.all([apply, waitUntil('the default service account', () => apiAnswers(pki, account))]);
}
