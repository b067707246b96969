import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Ports on this machine. Those of Redis, etcd and the API server are unusual, to leave the usual ones to others. */
export const ports = {
  registry: 5000,
  redis: 6390,
  etcd: 12379,
  etcdPeer: 12380,
  apiServer: 16443,
  kubelet: 10250,
} as const;

/** The networks inside the cluster and of builds; on the native one also the bridges they hang on. */
export const networks = {
  podBridge: 'berth-pods',
  podGateway: '10.201.0.1',
  podCidr: '10.201.0.0/20',
  serviceCidr: '10.202.0.0/16',
  serviceFirst: '10.202.0.1',
  buildBridge: 'berth-build',
  buildGateway: '10.203.0.1',
  buildCidr: '10.203.0.0/24',
  untrustedBuildBridge: 'berth-untrusted',
  untrustedBuildGateway: '10.203.1.1',
  untrustedBuildCidr: '10.203.1.0/24',
} as const;

/** The registry as image references name it; loopback, so every client speaks plain HTTP to it unasked. */
export const registryHost = `localhost:${ports.registry}`;

/** The same registry as pods of the native cluster name it, and everybody else on this machine can: the way of an installed Berth. */
export const podRegistryHost = `${networks.podGateway}:${ports.registry}`;

const ours: readonly string[] = [networks.podBridge, networks.buildBridge, networks.untrustedBuildBridge];

/** This machine's first IPv4 address that is neither loopback nor ours; `undefined` when it has no network at all. */
export function nodeAddress(): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (ours.includes(name) || /^(docker|br-|veth|cni)/.test(name)) continue;
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  return undefined;
}

/** Whether something listens on a TCP port, of the loopback interface unless told. */
export function isListening(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 1000 });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}
