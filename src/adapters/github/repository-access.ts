/** Requests about one repository, by its id: GitHub's own redirects lead there, and no rename or reuse of a name matters. */
import type { z } from 'zod';
import type { Client, Page, Parameters } from './client.ts';
import type { Installations, Reach } from './installations.ts';
import { RefusedError } from './refused-error.ts';

export interface RepositoryAccess extends Reach {
  /** `view` as in `Client`. */
  get<A, T>(
    path: string,
    parameters: Parameters,
    schema: z.ZodType<A>,
    make: (answer: A) => T,
    view?: string,
  ): Promise<Page<T>>;
  /** `path` starts with the method: `POST /deployments`. */
  write<A>(path: string, parameters: Parameters, schema: z.ZodType<A>): Promise<A>;
}

/**
 * Does something in a repository, `undefined` when it is not ours. What GitHub refuses is tried once more when the
 * repository has moved to another installation meanwhile; otherwise the refusal stands.
 */
export async function inRepository<T>(
  client: Client,
  installations: Installations,
  repositoryId: number,
  signal: AbortSignal,
  work: (access: RepositoryAccess) => Promise<T>,
): Promise<T | undefined> {
  const reach = await installations.find(repositoryId, signal);
  if (!reach) return undefined;
  try {
    return await work(accessTo(client, reach, signal));
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const now = await installations.find(repositoryId, signal, { afresh: true });
    if (!now) return undefined;
    if (now.installationId === reach.installationId) throw error;
    return work(accessTo(client, now, signal));
  }
}

function accessTo(client: Client, reach: Reach, signal: AbortSignal): RepositoryAccess {
  const id = { repository_id: reach.repository.id };
  return {
    ...reach,
    get: (path, parameters, schema, make, view) =>
      client.get(
        reach.installationId,
        `GET /repositories/{repository_id}${path}`,
        { ...id, ...parameters },
        schema,
        make,
        signal,
        view,
      ),
    write: (path, parameters, schema) => {
      const [method, rest] = path.split(' ');
      return client.write(
        reach.installationId,
        `${method} /repositories/{repository_id}${rest}`,
        { ...id, ...parameters },
        schema,
        signal,
      );
    },
  };
}
