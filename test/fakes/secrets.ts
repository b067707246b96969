/** Secrets in memory. Passes the contract suite of `Secrets`. */
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Redaction, Secrets } from '../../src/ports.ts';

export interface FakeSecret {
  /** `acme/shop`, or `acme/*` for all of an owner's. */
  readonly repositories: readonly string[];
  readonly data: Readonly<Record<string, string>>;
}

export interface FakeSecrets extends Secrets {
  /** Makes the Secret, or another one in its place. */
  put(name: string, secret: FakeSecret): void;
}

/** No secrets but those that are put. */
export function fakeSecrets(hold: Redaction['hold'] = () => undefined): FakeSecrets {
  const secrets = new Map<string, FakeSecret>();
  return {
    put: (name, secret) => void secrets.set(name, secret),
    async values(repository, names, signal) {
      signal.throwIfAborted();
      const values = names.map((name): [string, string] => {
        const [secretName = '', key = '', ...rest] = name.split('/');
        const secret = secrets.get(secretName);
        const patterns = [`${repository.owner}/${repository.name}`, `${repository.owner}/*`].map((it) =>
          it.toLowerCase(),
        );
        const isGiven =
          rest.length === 0 &&
          repository.owner !== '*' &&
          secret?.repositories.some((it) => patterns.includes(it.toLowerCase())) === true;
        if (isGiven) for (const value of Object.values(secret.data)) hold(value);
        const value = isGiven && Object.hasOwn(secret.data, key) ? secret.data[key] : undefined;
        if (value === undefined) {
          const message = `The secret \`${name}\` is not there for this repository.`;
          throw new DiagnosedError({ reason: 'SecretMissing', message });
        }
        return [name, value];
      });
      return new Map(values);
    },
  };
}
