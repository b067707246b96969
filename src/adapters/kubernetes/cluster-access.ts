/** How the API server is reached, and as whom. */
import type { Agent } from 'node:http';
import { kubeConfigAccess } from './kube-config.ts';
import { type PodAccount, serviceAccountAccess } from './service-account.ts';

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** Makes the connections, and keeps them. */
  readonly agent: Agent;
}

export interface ClusterAccess {
  /** URL of the API server, without a slash at its end. */
  readonly server: string;
  /** What was written down as it was opened and nobody else may see: tokens, passwords, private keys. */
  readonly held: readonly string[];
  /** Reads them anew, for what is on disk is replaced about hourly. @throws when they cannot be had. */
  credentials(): Promise<Credentials>;
}

/** Access by the kubeconfig in that file; without one, by the service account of our own pod. @throws when there is none. */
export async function clusterAccess(path: string | undefined, pod: PodAccount): Promise<ClusterAccess> {
  return path === undefined ? await serviceAccountAccess(pod) : await kubeConfigAccess(path);
}
