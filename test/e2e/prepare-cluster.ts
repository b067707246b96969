import { KubeConfig } from '@kubernetes/client-node';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { ensureDeployerRole } from '../../src/adapters/kubernetes/deployer.ts';
import { accessOf } from '../../src/adapters/kubernetes/kube-config.ts';

/** Gives the local cluster what Berth's chart would: the role that charts are installed with. */
export async function prepareCluster(stack: LocalStack): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.loadFromFile(stack.kubeconfig);
  const api = kubernetesApi(accessOf(config));
  try {
    await ensureDeployerRole(api, 'berth-deployer', AbortSignal.timeout(30_000));
  } finally {
    await api.close();
  }
  return config;
}
