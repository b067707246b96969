/**
 * Access by the service account of our own pod, without any library: the 900 modules of client-node take longer to load than
 * all others of Berth. Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod
 */
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { ClusterAccess } from './cluster-access.ts';
import { openAgent } from './connection.ts';

/** Where a pod finds the API server and its credentials. */
export interface PodAccount {
  /** A name or an address, as in `KUBERNETES_SERVICE_HOST`. */
  readonly host: string;
  readonly port: string;
  readonly caPath: string;
  /** Holds a token that the kubelet replaces well before it expires. */
  readonly tokenPath: string;
}

/** Where Kubernetes puts them. */
export const podCredentials = {
  caPath: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  tokenPath: '/var/run/secrets/kubernetes.io/serviceaccount/token',
};

/** The pod has no service account to use; the message says what to change. */
export class ServiceAccountError extends Error {
  override readonly name = 'ServiceAccountError';
}

/** @throws ServiceAccountError when the account's files are not there; so do its credentials. */
export async function serviceAccountAccess({ host, port, caPath, tokenPath }: PodAccount): Promise<ClusterAccess> {
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    server,
    held: [await contentOf(tokenPath)],
    async credentials() {
      const [token, ca] = await Promise.all([contentOf(tokenPath), contentOf(caPath)]);
      return { headers: { Authorization: `Bearer ${token}` }, agent: openAgent(server, { ca }) };
    },
  };
}

async function contentOf(path: string): Promise<string> {
  const todo = 'set automountServiceAccountToken: true for the pod, or name a kubeconfig in BERTH_KUBECONFIG';
  let content: string;
  try {
    content = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceAccountError(`reading the pod's service account: ${said}; ${todo}`, { cause });
  }
  if (content === '') throw new ServiceAccountError(`reading the pod's service account: ${path} is empty; ${todo}`);
  return content;
}
