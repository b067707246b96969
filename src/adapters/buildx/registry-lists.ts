/** What a registry has. Source: github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery */
import { z } from 'zod';
import { boundedJson } from '../../bounded-answer.ts';
import { RegistryCannotListError } from '../../domain/errors.ts';
import { askRegistry, CredentialsError, type RegistryConnection, unexpected } from './registry-connection.ts';

export interface RegistryRepository {
  /** As in image references. */
  readonly host: string;
  readonly path: string;
}

// Several registries write null for an empty list.
const catalog = z.object({ repositories: z.array(z.string()).nullable() });
const tagList = z.object({ tags: z.array(z.string()).nullable() });

const maxPages = 10_000;
/** Some registries give the whole list at once: this is a million tags. */
const maxPageBytes = 64 * 1024 ** 2;

/**
 * The paths of all repositories whose path begins with `prefix`.
 * @throws RegistryCannotListError when the registry does not tell.
 */
export async function repositoryPaths(
  connection: RegistryConnection,
  host: string,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const paths: string[] = [];
  const first: Page = { host, path: '/v2/_catalog', scope: 'registry:catalog:*', what: 'its repositories' };
  await eachPage(connection, first, catalog, signal, ({ repositories }) => {
    paths.push(...(repositories ?? []).filter((path) => path.startsWith(prefix)));
  }).catch((error: unknown) => {
    // Source for 404 and 405: registries that leave this out, as the specification allows.
    const cause = error instanceof Error ? error.cause : undefined;
    const isRefused = cause instanceof StatusError && [401, 403, 404, 405].includes(cause.status);
    if (!isRefused && !(cause instanceof CredentialsError)) throw error;
    throw new RegistryCannotListError(`${host} does not list its repositories`, { cause: error });
  });
  return paths;
}

/** The repository's tags; none when it has gone meanwhile. */
export async function tagsOf(
  connection: RegistryConnection,
  { host, path }: RegistryRepository,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  const scope = `repository:${path}:pull`;
  const first: Page = { host, path: `/v2/${path}/tags/list`, scope, what: `the tags of ${path}` };
  await eachPage(connection, first, tagList, signal, ({ tags }) => found.push(...(tags ?? []))).catch(
    (error: unknown) => {
      // A repository whose images were all removed stays in the catalog.
      if (!(error instanceof Error && error.cause instanceof StatusError && error.cause.status === 404)) throw error;
    },
  );
  return found;
}

interface Page {
  readonly host: string;
  readonly path: string;
  readonly scope: string;
  /** See `askRegistry`. */
  readonly what: string;
}

class StatusError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

async function eachPage<T>(
  connection: RegistryConnection,
  { host, path: firstPath, scope, what }: Page,
  schema: z.ZodType<T>,
  signal: AbortSignal,
  take: (page: T) => void,
): Promise<void> {
  let path: string | undefined = firstPath;
  for (let count = 1; path !== undefined; count += 1) {
    const current: string = path;
    path = await askRegistry(host, what, signal, async (bounded) => {
      if (count > maxPages) throw new Error('the list does not end');
      const response = await connection.request({ method: 'GET', host, path: current, scope }, bounded);
      if (!response.ok) {
        await response.body?.cancel();
        throw response.status < 429 ? new StatusError(response.status) : unexpected(host, response);
      }
      take(schema.parse(await boundedJson(response, maxPageBytes)));
      return nextPath(response, current);
    });
  }
}

/** Where the list goes on; `undefined` at its end. @throws for another host, which must not get our credentials. */
function nextPath(response: Response, current: string): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.headers.get('link') ?? '')?.[1];
  if (target === undefined) return undefined;
  const base = new URL(current, response.url);
  const url = new URL(target, base);
  // Behind a proxy that ends TLS, registries write links with the scheme that they see.
  if (url.host !== base.host) throw new Error(`its list goes on at another host, ${url.host}`);
  const next = `${url.pathname}${url.search}`;
  if (next === current) throw new Error('the list goes on where it is');
  return next;
}
