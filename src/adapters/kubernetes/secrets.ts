/** The values of Secrets that operators have given to repositories. */
import { DiagnosedError } from '../../domain/errors.ts';
import type { Repository } from '../../domain/preview.ts';
import type { Secrets } from '../../ports.ts';
import { kubernetesApi } from './api.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { givenSecrets, valueOf } from './given-secrets.ts';
import { repositoriesAnnotation } from './metadata.ts';
import type { SecretOptions } from './options.ts';

export interface KubernetesSecrets extends Secrets {
  /** Closes every connection. */
  close(): Promise<void>;
}

/** Secrets in the namespace of `options`; without them, every one is missing. */
export function kubernetesSecrets(access: ClusterAccess, options: SecretOptions | undefined): KubernetesSecrets {
  const api = kubernetesApi(access);
  return {
    async values(repository, names, signal) {
      const asked = names.map((name) => {
        const [secretName = '', key = '', ...rest] = name.split('/');
        return { name, secretName: rest.length > 0 ? '' : secretName, key };
      });
      const only = new Set(asked.map(({ secretName }) => secretName));
      const given =
        options === undefined || asked.length === 0 ? [] : await givenSecrets(api, options, repository, signal, only);
      const values = new Map<string, string>();
      for (const { name, secretName, key } of asked) {
        const data = given.find(({ metadata }) => metadata.name === secretName)?.data ?? {};
        const value = Object.hasOwn(data, key) ? data[key] : undefined;
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
