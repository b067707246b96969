import path from 'node:path';
import { networks, ports } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import type { Places } from '../places.ts';
import { apiAnswers } from './api.ts';
import type { Pki } from './pki.ts';

/** What every part of the control plane needs to know. */
export interface ControlPlaneContext {
  readonly places: Places;
  /** Folder of the compiled Kubernetes programs. */
  readonly kubernetes: string;
  /** Tree of Debian's unpacked programs. */
  readonly tree: string;
  readonly pki: Pki;
  readonly nodeIp: string;
}

// Kubernetes' clients hold themselves to 20 requests a second by default, which is a queue when several previews come
// up at once; its own larger installations raise these too.
const apiRate = ['--kube-api-qps=300', '--kube-api-burst=600'];

/** Starts etcd, empty: the cluster is throw-away, so nothing need survive a power cut either. */
export async function startEtcd({ places, tree }: ControlPlaneContext): Promise<void> {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  await startDaemon(places, {
    name: 'etcd',
    argv: [
      path.join(tree, 'usr/bin/etcd'),
      '--name=berth',
      `--data-dir=${path.join(places.scratch, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=berth=${peer}`,
      '--unsafe-no-fsync',
      // A lone member need not wait long for others before it elects itself.
      '--heartbeat-interval=50',
      '--election-timeout=500',
      '--log-level=warn',
    ],
    ready: async () => (await fetch(`${client}/health`)).ok,
  });
}

/** Starts the API server with real authentication and authorization. */
export async function startApiServer({ places, kubernetes, pki, nodeIp }: ControlPlaneContext): Promise<void> {
  await startDaemon(places, {
    name: 'kube-apiserver',
    argv: [
      path.join(kubernetes, 'kube-apiserver'),
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      `--secure-port=${ports.apiServer}`,
      `--advertise-address=${nodeIp}`,
      `--service-cluster-ip-range=${networks.serviceCidr}`,
      `--tls-cert-file=${pki.server}`,
      `--tls-private-key-file=${pki.serverKey}`,
      `--client-ca-file=${pki.ca}`,
      `--token-auth-file=${pki.tokens}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${pki.serviceAccountPublic}`,
      `--service-account-signing-key-file=${pki.serviceAccountKey}`,
      `--kubelet-client-certificate=${pki.kubeletClient}`,
      `--kubelet-client-key=${pki.kubeletClientKey}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--allow-privileged=true',
      '--delete-collection-workers=8',
      '--profiling=false',
      `--cert-dir=${path.join(places.run, 'kube-apiserver')}`,
    ],
    ready: () => apiAnswers(pki, '/readyz'),
  });
}

/** Starts the controllers; returns when they answer, not when they have caught up. */
export async function startControllerManager({ places, kubernetes, pki }: ControlPlaneContext): Promise<void> {
  await startDaemon(places, {
    name: 'kube-controller-manager',
    argv: [
      path.join(kubernetes, 'kube-controller-manager'),
      `--kubeconfig=${pki.kubeconfig('controller-manager')}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${pki.serviceAccountKey}`,
      `--root-ca-file=${pki.ca}`,
      `--cluster-signing-cert-file=${pki.ca}`,
      `--cluster-signing-key-file=${pki.caKey}`,
      '--leader-elect=false',
      '--enable-hostpath-provisioner=true',
      ...apiRate,
      // By default an unfinished namespace is looked at again after half its pods' grace period; this looks sooner.
      '--namespace-sync-period=1s',
      '--concurrent-namespace-syncs=20',
      '--concurrent-gc-syncs=40',
      '--pvclaimbinder-sync-period=2s',
      '--port=0',
      '--profiling=false',
      `--cert-dir=${path.join(places.run, 'kube-controller-manager')}`,
    ],
    ready: async () => true,
  });
}

/** Starts the scheduler. */
export async function startScheduler({ places, kubernetes, pki }: ControlPlaneContext): Promise<void> {
  await startDaemon(places, {
    name: 'kube-scheduler',
    argv: [
      path.join(kubernetes, 'kube-scheduler'),
      `--kubeconfig=${pki.kubeconfig('scheduler')}`,
      '--leader-elect=false',
      ...apiRate,
      '--port=0',
      `--cert-dir=${path.join(places.run, 'kube-scheduler')}`,
    ],
    ready: async () => true,
  });
}
