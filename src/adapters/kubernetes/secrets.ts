/** The values of Secrets that operators have given to repositories. */
import type { KubeConfig } from '@kubernetes/client-node';
import { DiagnosedError } from '../../domain/errors.ts';
import type { Repository } from '../../domain/preview.ts';
import type { Secrets } from '../../ports.ts';
import { kubernetesApi } from './api.ts';
import { givenSecret, valueOf } from './given-secrets.ts';
import { repositoriesAnnotation } from './metadata.ts';
import type { SecretOptions } from './options.ts';

export interface KubernetesSecrets extends Secrets {
  /** Closes every connection. */
  close(): Promise<void>;
}

/** Secrets in the namespace of `options`; without them, every one is missing. */
export function kubernetesSecrets(kubeConfig: KubeConfig, options: SecretOptions | undefined): KubernetesSecrets {
  const api = kubernetesApi(kubeConfig);
  return {
    async values(repository, names, signal) {
      const values = new Map<string, string>();
      for (const name of names) {
        const [secretName = '', key = '', ...rest] = name.split('/');
        const secret =
          options === undefined || secretName === '' || rest.length > 0
            ? undefined
            : await givenSecret(api, options, repository, secretName, signal);
        const value = secret?.data && Object.hasOwn(secret.data, key) ? secret.data[key] : undefined;
        if (value === undefined) throw missing(repository, name, secretName, key, options);
        values.set(name, valueOf(value));
      }
      return values;
    },
    close: () => api.close(),
  };
}

/** The same words whether it does not exist or is somebody else's: nobody learns from them which there are. */
function missing(
  { owner, name: repository }: Repository,
  name: string,
  secret: string,
  key: string,
  options: SecretOptions | undefined,
): DiagnosedError {
  const todo =
    options === undefined
      ? 'An operator of Berth must name the namespace of its secrets in BERTH_SECRETS_NAMESPACE first.'
      : `An operator of Berth must make the Secret \`${secret}\` with the key \`${key}\` in the namespace \`${options.namespace}\`, ` +
        `and name \`${owner}/${repository}\` in its annotation \`${repositoriesAnnotation}\`.`;
  const message = `The secret \`${name}\` is not there for this repository. ${todo}`;
  return new DiagnosedError({ reason: 'SecretMissing', message });
}
