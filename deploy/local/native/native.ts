import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isListening, nodeAddress, ports } from '../addresses.ts';
import { isDebianRoot } from '../apt.ts';
import { pushBaseImages } from '../base-images.ts';
import { areRunning, foreignStack } from '../daemons.ts';
import { pingDocker } from '../docker.ts';
import { buildKubernetes } from '../kubernetes-build.ts';
import type { Places } from '../places.ts';
import type { Progress } from '../progress.ts';
import { redisAnswers, startRedis } from '../redis.ts';
import { registryAnswers, startRegistry } from '../registry.ts';
import { run } from '../run.ts';
import { daemonTree, nativeTools } from '../tools.ts';
import type { Tools } from '../tools.ts';
import { waitUntil } from '../wait.ts';
import { apiAnswers } from './api.ts';
import { endProcesses, removeLeftovers } from './cleanup.ts';
import { startContainerd } from './containerd.ts';
import { startApiServer, startControllerManager, startEtcd, startScheduler } from './control-plane.ts';
import type { ControlPlaneContext } from './control-plane.ts';
import { dockerHost, startDockerd } from './dockerd.ts';
import { startDns } from './dns.ts';
import { createNetwork } from './network.ts';
import { startKubelet, startProxy } from './node.ts';
import { ensurePki } from './pki.ts';

/** What a cluster's way of starting gives back. */
export interface StartedCluster {
  readonly kubeconfig: string;
  readonly dockerHost: string;
  readonly nodeIp: string;
  readonly tools: Tools;
}

const daemons = [
  'redis',
  'registry',
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
] as const;

/** Whether every part of a native stack runs and answers. */
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
        await settled([startRegistry(places, tree), runtime.then(() => startDockerd(places, tree))]);
        await progress.step('pushing the base images', () =>
          pushBaseImages(places, tools, dockerHost(places), tree, kubernetes),
        );
      })(),
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
        ]);
      })(),
    ]);
  });
  await progress.step('waiting for the cluster to take pods', () => prepareCluster(context, tools));
  return { kubeconfig: pki.kubeconfig('admin'), dockerHost: dockerHost(places), nodeIp, tools };
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
