/** The Secrets that operators have given to repositories, read. Every value is told to `hold` first. */
import type { Repository } from '../../domain/preview.ts';
import type { KubernetesApi } from './api.ts';
import { apiStatusOf } from './api-error.ts';
import { corePath, metadataOnly } from './collections.ts';
import type { KubernetesObject, Secret } from './objects.ts';
import type { SecretOptions } from './options.ts';
import { givableSelector, isGivable, isGivenTo } from './secret-grants.ts';

/** Those of the repository, in the order of their names; of these names when some are named. The payload of others is not asked for. */
export async function givenSecrets(
  api: KubernetesApi,
  options: SecretOptions,
  repository: Repository,
  signal: AbortSignal,
  only?: ReadonlySet<string>,
): Promise<readonly Secret[]> {
  const all = await givenMetadata(api, options, signal);
  const given = all.filter((item) => isGivenTo(item, repository)).map(({ metadata }) => metadata.name);
  const names = given.filter((name) => only?.has(name) ?? true);
  const secrets = await Promise.all(
    names.toSorted().map((name) => givenSecret(api, options, repository, name, signal)),
  );
  return secrets.filter((secret) => secret !== undefined);
}

/** Name, version and repositories of everything that can be given, whoever it is for. */
export async function givenMetadata(
  api: KubernetesApi,
  { namespace }: SecretOptions,
  signal: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  const query = { fieldSelector: givableSelector };
  const collection = { path: corePath(namespace, 'secrets'), query, accept: metadataOnly };
  return (await api.list<KubernetesObject>(collection, signal)).items;
}

/** The one of that name, `undefined` when it is gone, or taken back, by now. */
async function givenSecret(
  api: KubernetesApi,
  { namespace, hold }: SecretOptions,
  repository: Repository,
  name: string,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  try {
    const path = `${corePath(namespace, 'secrets')}/${encodeURIComponent(name)}`;
    const secret = await api.json<Secret>({ path }, signal);
    for (const value of Object.values(secret.data ?? {})) hold(valueOf(value));
    return isGivenTo(secret, repository) && isGivable(secret) ? secret : undefined;
  } catch (error) {
    if (apiStatusOf(error) === 404) return undefined;
    throw error;
  }
}

/** What an entry of a Secret's `data` says. */
export function valueOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
