import type { PreviewKey, PullRequest, Repository } from '../domain/preview.ts';
import type { Ports } from './ports.ts';

/** What the forge lists of one repository. A list that failed is logged, and tells nothing. */
export interface RepositoryLists {
  /** `undefined` when it failed. */
  readonly open: readonly PullRequest[] | undefined;
  readonly closed: readonly PullRequest[];
  /** What deployments are about. */
  readonly deployed: readonly PreviewKey[];
}

export async function listsOf(
  { forge, log }: Pick<Ports, 'forge' | 'log'>,
  repository: Repository,
  signal: AbortSignal,
): Promise<RepositoryLists> {
  const orLogged = async <T>(what: string, list: Promise<readonly T[]>): Promise<readonly T[] | undefined> => {
    try {
      return await list;
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ err, repository: `${repository.owner}/${repository.name}` }, `${what} not listed`);
      return undefined;
    }
  };
  return {
    open: await orLogged('open pull requests', forge.openPullRequests(repository, signal)),
    closed: (await orLogged('closed pull requests', forge.recentlyClosed(repository, signal))) ?? [],
    deployed: (await orLogged('deployments', forge.deployedPullRequests(repository, signal))) ?? [],
  };
}
