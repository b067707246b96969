import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ports, registryHost } from './addresses.ts';
import { onPath } from './files.ts';
import type { StartedCluster } from './native/native.ts';
import type { Places } from './places.ts';
import type { Progress } from './progress.ts';
import { redisAnswers, startRedis } from './redis.ts';
import { registryAnswers } from './registry.ts';
import { run, RunError } from './run.ts';
import { dockerTools } from './tools.ts';
import { waitUntil } from './wait.ts';

const clusterName = 'berth-local';
const registryContainer = 'berth-local-registry';

/** Whether this machine has kind and a Docker that can pull images. */
export async function canUseKind(): Promise<boolean> {
  if (!(await onPath('docker')) || !(await onPath('kind'))) return false;
  try {
    await run(['docker', 'pull', '--quiet', 'registry:2'], { timeoutMs: 60_000 });
    return true;
  } catch {
    return false; // No daemon, or no way to its registry: the native cluster needs neither.
  }
}

/** Starts Redis, a registry container and a kind cluster whose node pulls from that registry. */
export async function startKind(places: Places, progress: Progress): Promise<StartedCluster> {
  const tools = await dockerTools(places);
  const kubeconfig = path.join(places.state, 'kind.kubeconfig');
  await mkdir(places.run, { recursive: true, mode: 0o700 });
  await progress.step('starting Redis and the registry', async () => {
    await startServices(places, tools.redisServer);
  });
  await progress.step('creating the kind cluster (a few minutes at first)', async () => {
    const config = path.join(places.run, 'kind.yaml');
    await writeFile(config, kindConfiguration);
    const log = path.join(places.logs, 'kind.log');
    await run(
      [
        'kind',
        'create',
        'cluster',
        '--name',
        clusterName,
        '--kubeconfig',
        kubeconfig,
        '--config',
        config,
        '--wait',
        '3m',
        // Which Kubernetes: one of the images that kind's release notes list.
        ...(process.env['BERTH_LOCAL_KIND_NODE'] ? ['--image', process.env['BERTH_LOCAL_KIND_NODE']] : []),
      ],
      { log },
    );
    await connectRegistry(kubeconfig, tools.kubectl);
  });
  return { kubeconfig, ...(await dockerHosts()), ...(await kindAddresses()), tools };
}

/** Starts Redis and a registry next to a cluster of the user's, which must be able to pull from `localhost:5000`. */
export async function startContext(places: Places, progress: Progress, context: string): Promise<StartedCluster> {
  const tools = await dockerTools(places);
  const kubeconfig = path.join(places.state, 'context.kubeconfig');
  await mkdir(places.run, { recursive: true, mode: 0o700 });
  const only = ['config', 'view', '--minify', '--flatten', '--context', context] as const;
  await writeFile(kubeconfig, await run([tools.kubectl, ...only]), { mode: 0o600 });
  const kubectl = [tools.kubectl, '--kubeconfig', kubeconfig] as const;
  await run([...kubectl, 'config', 'use-context', context]);
  await progress.step('starting Redis and the registry', () => startServices(places, tools.redisServer));
  const nodeIp = await run([
    ...kubectl,
    'get',
    'nodes',
    '-o',
    'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
  ]);
  const addresses = {
    nodeIp: nodeIp.trim(),
    podRegistry: registryHost,
    hostFromPods: await addressTowards(nodeIp.trim()),
  };
  return { kubeconfig, ...(await dockerHosts()), ...addresses, tools };
}

/** Whether Redis, the registry and the cluster answer. */
export async function dockerClusterIsHealthy(kubeconfig: string, kubectl: string): Promise<boolean> {
  const ready = run([kubectl, '--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'], { timeoutMs: 5000 });
  const checks = [redisAnswers(), registryAnswers(), ready.then(() => true)];
  return (await Promise.allSettled(checks)).every((check) => check.status === 'fulfilled' && check.value);
}

/** Deletes the kind cluster and the registry container, where there are any. */
export async function stopDockerCluster(): Promise<void> {
  if (!(await onPath('docker'))) return;
  if (await onPath('kind')) await run(['kind', 'delete', 'cluster', '--name', clusterName]);
  await run(['docker', 'rm', '--force', '--volumes', registryContainer]).catch((error: unknown) => {
    // "No such container" is what we want; a Docker that does not answer can hold none of ours that runs.
    if (!(error instanceof RunError)) throw error;
  });
}

// The recipe of kind's own documentation: the node's containerd finds registries in certs.d.
// Source: kind.sigs.k8s.io/docs/user/local-registry
const kindConfiguration = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
- |-
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`;

async function startServices(places: Places, redisServer: string): Promise<void> {
  await startRedis(places, redisServer);
  const publish = `127.0.0.1:${ports.registry}:5000`;
  const argv = [
    'docker',
    'run',
    '--detach',
    '--restart=always',
    '--publish',
    publish,
    '--env',
    'REGISTRY_STORAGE_DELETE_ENABLED=true',
  ] as const;
  await run([...argv, '--name', registryContainer, 'registry:2']);
  await waitUntil('the registry', registryAnswers);
  for (const [from, to] of [
    ['busybox:stable', 'busybox:stable'],
    ['redis:7', 'redis:7'],
  ] as const) {
    await run(['docker', 'pull', '--quiet', from]);
    await run(['docker', 'tag', from, `${registryHost}/library/${to}`]);
    await run(['docker', 'push', '--quiet', `${registryHost}/library/${to}`]);
  }
}

async function connectRegistry(kubeconfig: string, kubectl: string): Promise<void> {
  await run(['docker', 'network', 'connect', 'kind', registryContainer]);
  const hosts = `[host."http://${registryContainer}:5000"]\n`;
  for (const node of (await run(['kind', 'get', 'nodes', '--name', clusterName])).split('\n').filter(Boolean)) {
    for (const name of [registryHost, await podRegistry()]) {
      const folder = `/etc/containerd/certs.d/${name}`;
      await run(['docker', 'exec', node, 'mkdir', '-p', folder]);
      await run(['docker', 'exec', '--interactive', node, 'cp', '/dev/stdin', `${folder}/hosts.toml`], {
        input: hosts,
      });
    }
  }
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-registry-hosting', namespace: 'kube-public' },
    data: {
      'localRegistryHosting.v1': `host: "${registryHost}"\nhelp: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n`,
    },
  };
  await run([kubectl, '--kubeconfig', kubeconfig, 'apply', '-f', '-'], { input: JSON.stringify(configMap) });
}

/** The one Docker that there is builds everything: good enough to try Berth, not for strangers. */
async function dockerHosts(): Promise<Pick<StartedCluster, 'dockerHost' | 'untrustedDockerHost'>> {
  const host = (await run(['docker', 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim();
  return { dockerHost: host, untrustedDockerHost: host };
}

async function kindAddresses(): Promise<Pick<StartedCluster, 'nodeIp' | 'podRegistry' | 'hostFromPods'>> {
  const nodeIp = await kindAddressOf(`${clusterName}-control-plane`);
  return { nodeIp, podRegistry: await podRegistry(), hostFromPods: await addressTowards(nodeIp) };
}

/** By its address in kind's network, which containers, nodes, pods and this machine's programs all have a way to. */
async function podRegistry(): Promise<string> {
  return `${await kindAddressOf(registryContainer)}:5000`;
}

async function kindAddressOf(container: string): Promise<string> {
  const format = '{{.NetworkSettings.Networks.kind.IPAddress}}';
  return (await run(['docker', 'inspect', '--format', format, container])).trim();
}

/** The address that this machine has in the network of another. Nothing is sent: UDP only looks for the way. */
async function addressTowards(host: string): Promise<string> {
  const socket = createSocket('udp4');
  socket.connect(9, host);
  await once(socket, 'connect');
  const { address } = socket.address();
  socket.close();
  return address;
}
