/** Clusters by way of a Docker that can pull images: one that kind makes, or one that is there. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isListening, networks, registryHost } from './addresses.ts';
import { pingDocker } from './docker.ts';
import { registryContainer, startServices, stopServices } from './docker-services.ts';
import { onPath } from './files.ts';
import { removeRoutes, routeTo } from './host-network.ts';
import type { StartedCluster } from './native/native.ts';
import type { Places } from './places.ts';
import type { Progress } from './progress.ts';
import { redisAnswers } from './redis.ts';
import { registryAnswers } from './registry.ts';
import { run } from './run.ts';
import { dockerTools } from './tools.ts';
import { waitUntil } from './wait.ts';

const clusterName = 'berth-local';

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

/** Starts Redis, a registry, a second builder and a kind cluster whose node pulls from that registry. */
export async function startKind(places: Places, progress: Progress): Promise<StartedCluster> {
  const tools = await dockerTools(places);
  const kubeconfig = path.join(places.state, 'kind.kubeconfig');
  await mkdir(places.run, { recursive: true, mode: 0o700 });
  const builders = await progress.step('starting Redis, the registry and the builders', () =>
    startServices(places, tools),
  );
  const addresses = await progress.step('creating the kind cluster (a few minutes at first)', async () => {
    const config = path.join(places.run, 'kind.yaml');
    await writeFile(config, JSON.stringify(kindConfiguration)); // JSON is YAML
    const argv = ['kind', 'create', 'cluster', '--name', clusterName, '--kubeconfig', kubeconfig] as const;
    // Which Kubernetes: one of the images that kind's release notes list.
    const image = process.env['BERTH_LOCAL_KIND_NODE'];
    await run([...argv, '--config', config, '--wait', '3m', ...(image ? ['--image', image] : [])], {
      log: path.join(places.logs, 'kind.log'),
    });
    const podRegistry = await connectRegistry(kubeconfig, tools.kubectl);
    const nodeIp = await kindAddressOf(`${clusterName}-control-plane`);
    // What kind does not do: nodes pass on what comes for a pod or a service, but nobody outside knows that.
    await routeTo(nodeIp, [networks.podCidr, networks.serviceCidr]);
    return { nodeIp, podRegistry, hostFromPods: await addressTowards(nodeIp) };
  });
  await reachesServices(tools.kubectl, kubeconfig);
  return { kubeconfig, ...builders, ...addresses, tools };
}

/**
 * Starts Redis, a registry and a second builder next to a cluster of the user's, which must be as `LocalStack` says. Its pods have no
 * way to the registry, which is on this machine's loopback: what an installed Berth pushes, they do not pull by `podRegistry`.
 */
export async function startContext(places: Places, progress: Progress, context: string): Promise<StartedCluster> {
  const tools = await dockerTools(places);
  const kubeconfig = path.join(places.state, 'context.kubeconfig');
  await mkdir(places.run, { recursive: true, mode: 0o700 });
  const only = ['config', 'view', '--minify', '--flatten', '--context', context] as const;
  await writeFile(kubeconfig, await run([tools.kubectl, ...only]), { mode: 0o600 });
  const kubectl = [tools.kubectl, '--kubeconfig', kubeconfig] as const;
  await run([...kubectl, 'config', 'use-context', context]);
  await reachesServices(tools.kubectl, kubeconfig);
  const builders = await progress.step('starting Redis, the registry and the builders', () =>
    startServices(places, tools),
  );
  const internal = 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  const nodeIp = (await run([...kubectl, 'get', 'nodes', '-o', internal])).trim();
  return {
    kubeconfig,
    ...builders,
    nodeIp,
    podRegistry: registryHost,
    hostFromPods: await addressTowards(nodeIp),
    tools,
  };
}

/** Whether Redis, the registry, the builder for forks and the cluster answer. */
export async function dockerClusterIsHealthy({
  kubeconfig,
  untrustedDockerHost,
  tools,
}: Pick<StartedCluster, 'kubeconfig' | 'untrustedDockerHost' | 'tools'>): Promise<boolean> {
  const ready = run([tools.kubectl, '--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'], { timeoutMs: 5000 });
  const checks = [redisAnswers(), registryAnswers(), pingDocker(untrustedDockerHost), ready.then(() => true)];
  return (await Promise.allSettled(checks)).every((check) => check.status === 'fulfilled' && check.value);
}

/** Deletes the kind cluster, the containers beside it and the routes to it, where there are any. */
export async function stopDockerCluster(): Promise<void> {
  if (!(await onPath('docker'))) return;
  if (await onPath('kind')) await run(['kind', 'delete', 'cluster', '--name', clusterName]);
  await removeRoutes();
  await stopServices();
}

// With ranges of our own, so that routes to them are nobody else's.
const kindConfiguration = {
  kind: 'Cluster',
  apiVersion: 'kind.x-k8s.io/v1alpha4',
  networking: { podSubnet: networks.podCidr, serviceSubnet: networks.serviceCidr },
} as const;

/**
 * Tells the node's containerd where the registry is, by the names that image references have for it. @returns the one that pods
 * know too: its address in kind's network, which containers, nodes, pods and this machine's programs all have a way to.
 */
async function connectRegistry(kubeconfig: string, kubectl: string): Promise<string> {
  await run(['docker', 'network', 'connect', 'kind', registryContainer]);
  const podRegistry = `${await kindAddressOf(registryContainer)}:5000`;
  const url = JSON.stringify(`http://${registryContainer}:5000`);
  // Without `server`, what the registry does not have is asked of `localhost` in the node, and the answer is that nobody is there.
  // Source: github.com/containerd/containerd/blob/main/docs/hosts.md
  const input = `server = ${url}\n[host.${url}]\n`;
  for (const node of (await run(['kind', 'get', 'nodes', '--name', clusterName])).split('\n').filter(Boolean)) {
    for (const name of [registryHost, podRegistry]) {
      const folder = `/etc/containerd/certs.d/${name}`; // Since kind 0.27. Source: kind.sigs.k8s.io/docs/user/local-registry
      await run(['docker', 'exec', node, 'mkdir', '-p', folder]);
      await run(['docker', 'exec', '--interactive', node, 'cp', '/dev/stdin', `${folder}/hosts.toml`], { input });
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
  return podRegistry;
}

async function kindAddressOf(container: string): Promise<string> {
  const format = '{{.NetworkSettings.Networks.kind.IPAddress}}';
  return (await run(['docker', 'inspect', '--format', format, container])).trim();
}

/** @throws where the cluster's services cannot be connected to from here. */
async function reachesServices(kubectl: string, kubeconfig: string): Promise<void> {
  const path = 'jsonpath={.spec.clusterIP}';
  const argv = [kubectl, '--kubeconfig', kubeconfig, '--namespace', 'default', 'get', 'service', 'kubernetes'] as const;
  const address = (await run([...argv, '-o', path])).trim();
  await waitUntil(`a way from this machine to the services of the cluster, such as ${address}`, () =>
    isListening(443, address),
  );
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
