/** Credentials in a Secret of the cluster. */
import { type AppSecretState, appSecretStore, type SecretName } from '../adapters/kubernetes/app-secret.ts';
import type { ClusterAccess } from '../adapters/kubernetes/cluster-access.ts';
import type { Destination } from './destination.ts';

export function secretDestination(access: ClusterAccess, name: SecretName): Destination {
  const store = appSecretStore(access, name);
  let found: AppSecretState = { state: 'absent' };
  return {
    label: `the Secret ${name.name} in the namespace ${name.namespace}`,
    async look(signal) {
      found = await store.look(signal);
      return found;
    },
    tryOut: (signal) => store.tryOut(signal),
    write: (credentials, signal) => store.write(credentials, found, signal),
    helmArguments: (apiUrl) => [
      `--set github.existingSecret=${name.name}`,
      ...(apiUrl === 'https://api.github.com' ? [] : [`--set github.apiUrl=${apiUrl}`]),
    ],
    close: () => store.close(),
  };
}
