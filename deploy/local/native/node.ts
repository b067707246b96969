import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks, ports } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import { treePath } from '../tools.ts';
import { apiAccess, apiGet, jsonOf } from './api.ts';
import { cgroupRoot, createCgroups } from './cgroups.ts';
import { containerdSocket } from './containerd.ts';
import type { ControlPlaneContext } from './control-plane.ts';
import { nodeName } from './pki.ts';

/** Starts the kubelet; returns when its node is ready for pods. */
export async function startKubelet({ places, kubernetes, tree, pki, nodeIp }: ControlPlaneContext): Promise<void> {
  await createCgroups();
  const config = path.join(places.run, 'kubelet.json');
  await writeFile(config, JSON.stringify(kubeletConfiguration(pki.ca), undefined, 2));
  const root = path.join(places.scratch, 'kubelet');
  await mkdir(root, { recursive: true });
  const access = await apiAccess(pki.kubeconfig('admin'));
  await startDaemon(places, {
    name: 'kubelet',
    argv: [
      path.join(kubernetes, 'kubelet'),
      `--config=${config}`,
      `--kubeconfig=${pki.kubeconfig('kubelet')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${nodeIp}`,
      `--root-dir=${root}`,
      `--cert-dir=${path.join(root, 'pki')}`,
      `--volume-plugin-dir=${path.join(root, 'volume-plugins')}`,
      '--container-runtime=remote',
      `--container-runtime-endpoint=unix://${containerdSocket(places)}`,
    ],
    env: { PATH: treePath(tree) },
    ready: async () => {
      const answer = await apiGet(access, `/api/v1/nodes/${nodeName}`, AbortSignal.timeout(3000));
      const { status } = await jsonOf<{ status: { conditions?: { type: string; status: string }[] } }>(answer);
      return status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
    },
  });
}

function kubeletConfiguration(ca: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // The API server fetches logs from the node's address, not from the loopback.
    address: '0.0.0.0',
    port: ports.kubelet,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: ca } },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    clusterDNS: [networks.podGateway],
    clusterDomain: 'cluster.local',
    failSwapOn: false,
    oomScoreAdj: 0,
    // A laptop's full disk should not evict the previews.
    evictionHard: {},
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
    registryPullQPS: 0,
    eventRecordQPS: 0,
    kubeAPIQPS: 300,
    kubeAPIBurst: 600,
    syncFrequency: '5s',
    // The first look at a fresh node finds it not ready; the default would look again after ten seconds.
    nodeStatusUpdateFrequency: '1s',
    nodeStatusReportFrequency: '1m',
    // Its folder cannot be moved from /var/lib/kubelet, and there are no devices to offer.
    featureGates: { DevicePlugins: false },
  };
}

/** Starts kube-proxy, which makes the services' addresses work on this machine. */
export async function startProxy({ places, kubernetes, pki, nodeIp }: ControlPlaneContext): Promise<void> {
  const config = path.join(places.run, 'kube-proxy.json');
  await writeFile(config, JSON.stringify(proxyConfiguration(pki.kubeconfig('proxy'), nodeIp), undefined, 2));
  await startDaemon(places, {
    name: 'kube-proxy',
    argv: [path.join(kubernetes, 'kube-proxy'), `--config=${config}`],
    ready: async () => (await fetch('http://127.0.0.1:10256/healthz', { signal: AbortSignal.timeout(1000) })).ok,
  });
}

function proxyConfiguration(kubeconfig: string, nodeIp: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    hostnameOverride: nodeName,
    bindAddress: nodeIp, // else it waits for the node to exist
    mode: 'iptables',
    clusterCIDR: networks.podCidr,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    oomScoreAdj: 0,
    conntrack: { maxPerCore: 0, min: 0 }, // the kernel's limit is not ours to change
    iptables: { minSyncPeriod: '100ms' },
  };
}
