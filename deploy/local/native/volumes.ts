import { fileURLToPath } from 'node:url';
import { startDaemon } from '../daemons.ts';
import type { ControlPlaneContext } from './control-plane.ts';

/** Starts what makes volumes usable for pods that do not run as root; the cluster's own provisioner makes them. */
export async function startVolumes({ places, pki }: Pick<ControlPlaneContext, 'places' | 'pki'>): Promise<void> {
  const program = fileURLToPath(new URL('open-volumes.ts', import.meta.url));
  await startDaemon(places, {
    name: 'open-volumes',
    // Among its rights is that to see volumes.
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', program, pki.kubeconfig('controller-manager')],
    // It follows the cluster from whenever it can be followed.
    ready: () => Promise.resolve(true),
  });
}
