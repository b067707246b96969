/** An operator's namespace for Secrets in the local stack's cluster. */
import { randomBytes } from 'node:crypto';
import { kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { apiStatusOf } from '../../src/adapters/kubernetes/api-error.ts';
import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import type { SecretOptions } from '../../src/adapters/kubernetes/options.ts';
import { stackAccess } from './kubernetes-stack.ts';

export interface SecretSource extends AsyncDisposable {
  readonly options: SecretOptions;
  /** Every value that was read. */
  readonly held: readonly string[];
  /** Makes the Secret, or another one in its place. */
  put(name: string, secret: SourceSecret): Promise<void>;
  remove(name: string): Promise<void>;
}

interface SourceSecret {
  /** As in the annotation. */
  readonly repositories: string;
  readonly data: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export async function secretSource(): Promise<SecretSource> {
  const { signal } = new AbortController();
  const api = kubernetesApi(stackAccess());
  const namespace = `secrets-${randomBytes(4).toString('hex')}`;
  const held: string[] = [];
  await api.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } }, signal);
  const path = corePath(namespace, 'secrets');

  async function remove(name: string): Promise<void> {
    try {
      await api.json({ method: 'DELETE', path: `${path}/${name}` }, signal);
    } catch (error) {
      if (apiStatusOf(error) !== 404) throw error;
    }
  }

  return {
    options: { namespace, hold: (value) => held.push(value) },
    held,
    async put(name, { repositories, data, type = 'Opaque', annotations = {} }) {
      await remove(name);
      const given = { ...annotations, 'berth.dev/repositories': repositories };
      const body = { metadata: { name, annotations: given }, type, stringData: data };
      await api.json({ method: 'POST', path, body }, signal);
    },
    remove,
    async [Symbol.asyncDispose]() {
      await api.json({ method: 'DELETE', path: namespacePath(namespace) }, signal);
      await api.close();
    },
  };
}
