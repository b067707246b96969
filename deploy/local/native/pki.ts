import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks, ports } from '../addresses.ts';
import { exists } from '../files.ts';
import type { Places } from '../places.ts';
import { run } from '../run.ts';

/** The name of the one node. */
export const nodeName = 'berth';

/** Who may speak to the API server: a name and groups for each, as Kubernetes' own roles expect them. */
const users = {
  admin: { name: 'berth-admin', groups: 'system:masters' },
  kubelet: { name: `system:node:${nodeName}`, groups: 'system:nodes' },
  'controller-manager': { name: 'system:kube-controller-manager', groups: '' },
  scheduler: { name: 'system:kube-scheduler', groups: '' },
  proxy: { name: 'system:kube-proxy', groups: '' },
} as const;

/** Who a kubeconfig speaks for. */
export type User = keyof typeof users;

/** Paths of the cluster's keys, certificates and tokens. */
export interface Pki {
  readonly ca: string;
  readonly caKey: string;
  readonly server: string;
  readonly serverKey: string;
  readonly kubeletClient: string;
  readonly kubeletClientKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublic: string;
  readonly tokens: string;
  readonly kubeconfig: (user: User) => string;
}

/** The files of a cluster on that address, made on first use and whenever the address changes. */
export async function ensurePki(places: Places, nodeIp: string): Promise<Pki> {
  const folder = path.join(places.pki, nodeIp);
  if (!(await exists(folder))) {
    const partial = path.join(places.pki, 'partial');
    await rm(places.pki, { recursive: true, force: true });
    await mkdir(partial, { recursive: true, mode: 0o700 });
    await createPki(filesIn(partial), nodeIp);
    await rename(partial, folder);
  }
  return filesIn(folder);
}

function filesIn(folder: string): Pki {
  const file = (name: string): string => path.join(folder, name);
  return {
    ca: file('ca.crt'),
    caKey: file('ca.key'),
    server: file('server.crt'),
    serverKey: file('server.key'),
    kubeletClient: file('kubelet-client.crt'),
    kubeletClientKey: file('kubelet-client.key'),
    serviceAccountKey: file('service-account.key'),
    serviceAccountPublic: file('service-account.pub'),
    tokens: file('tokens.csv'),
    kubeconfig: (user) => file(`${user}.kubeconfig`),
  };
}

async function createPki(pki: Pki, nodeIp: string): Promise<void> {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];
  await run(['openssl', 'req', '-x509', ...newKey, '-subj', '/CN=berth-ca', '-keyout', pki.caKey, '-out', pki.ca]);
  const sign = async (
    subject: string,
    extensions: readonly string[],
    key: string,
    certificate: string,
  ): Promise<void> => {
    const added = ['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((extension) => ['-addext', extension]);
    const ca = ['-CA', pki.ca, '-CAkey', pki.caKey];
    await run([
      'openssl',
      'req',
      '-x509',
      ...newKey,
      ...ca,
      '-subj',
      subject,
      ...added,
      '-keyout',
      key,
      '-out',
      certificate,
    ]);
  };
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ];
  const addresses = ['127.0.0.1', nodeIp, networks.serviceFirst];
  const alternatives = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(
    ',',
  );
  await sign(
    '/CN=kube-apiserver',
    [`subjectAltName=${alternatives}`, 'extendedKeyUsage=serverAuth'],
    pki.serverKey,
    pki.server,
  );
  // The API server speaks to the kubelet, for logs and exec, with this.
  const kubeletClient = '/O=system:masters/CN=kube-apiserver-kubelet-client';
  await sign(kubeletClient, ['extendedKeyUsage=clientAuth'], pki.kubeletClientKey, pki.kubeletClient);

  const serviceAccount = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  await writeFile(pki.serviceAccountKey, serviceAccount.privateKey, { mode: 0o600 });
  await writeFile(pki.serviceAccountPublic, serviceAccount.publicKey);

  const ca = await readFile(pki.ca);
  const lines: string[] = [];
  for (const [user, { name, groups }] of Object.entries(users)) {
    const token = randomBytes(24).toString('hex');
    lines.push(`${token},${name},${user},"${groups}"\n`);
    const config = JSON.stringify(kubeconfig(name, token, ca), undefined, 2);
    await writeFile(pki.kubeconfig(user as User), config, { mode: 0o600 });
  }
  await writeFile(pki.tokens, lines.join(''), { mode: 0o600 });
}

function kubeconfig(user: string, token: string, ca: Buffer): object {
  const server = `https://127.0.0.1:${ports.apiServer}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'berth-local',
    contexts: [{ name: 'berth-local', context: { cluster: 'berth-local', user } }],
    clusters: [{ name: 'berth-local', cluster: { server, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name: user, user: { token } }],
  };
}
