import { chmod } from 'node:fs/promises';
import { apiAccess } from './api.ts';
import { follow, type KubernetesObject } from './watch.ts';

// A program of its own: opens each new volume to all users, until it is ended.
//   open-volumes.ts <kubeconfig>
const [kubeconfig = ''] = process.argv.slice(2);

interface Volume extends KubernetesObject {
  readonly spec: { readonly hostPath?: { readonly path: string } };
}

const volumes = new Map<string, Volume>();
const opened = new Set<string>();

/**
 * Kubernetes' own provisioner for tests makes folders that only root may enter, and the kubelet gives no such folder to the
 * group of its pod. Those of real ones belong to whoever the pod runs as.
 */
function open(): void {
  for (const { spec } of volumes.values()) {
    const { path } = spec.hostPath ?? {};
    if (path === undefined || opened.has(path)) continue;
    opened.add(path);
    chmod(path, 0o777).catch((error: unknown) => console.error(`opening ${path}:`, error));
  }
}

await follow(await apiAccess(kubeconfig), '/api/v1/persistentvolumes', volumes, open, open);
