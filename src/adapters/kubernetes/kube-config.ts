/** Where our credentials for the cluster are. */
import { KubeConfig } from '@kubernetes/client-node';

/** The kubeconfig in that file; without one, the service account of our own pod. @throws when it cannot be read. */
export function loadKubeConfig(path: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (path === undefined) kubeConfig.loadFromCluster();
  else kubeConfig.loadFromFile(path);
  return kubeConfig;
}
