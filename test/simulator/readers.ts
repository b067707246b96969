import type { CheckRun, Comment, CommitStatus, Deployment, PullRequest } from './world/entities.ts';
import type { RepositoryName, World } from './world/world.ts';

export type Readers = ReturnType<typeof createReaders>;

/** What is on GitHub now, for assertions. The objects are the simulator's own: read them, do not change them. */
export function createReaders(world: World) {
  /** All of it, or what belongs to the commits a pull request's head has been at. */
  function ofPull<T extends { readonly sha: string }>(
    repo: RepositoryName,
    number: number | undefined,
    all: Iterable<T>,
  ): readonly T[] {
    if (number === undefined) return [...all];
    const heads = new Set(world.pullRequest(repo, number).heads);
    return [...all].filter(({ sha }) => heads.has(sha));
  }

  return {
    pullRequest: (repo: RepositoryName, number: number): Readonly<PullRequest> => world.pullRequest(repo, number),
    /** Oldest first, as everything below. */
    comments: (repo: RepositoryName, number: number): readonly Readonly<Comment>[] =>
      [...world.repository(repo).comments.values()].filter(({ issue }) => issue === number),
    deployments: (repo: RepositoryName, number?: number): readonly Readonly<Deployment>[] =>
      ofPull(repo, number, world.repository(repo).deployments.values()),
    checkRuns: (repo: RepositoryName, number?: number): readonly Readonly<CheckRun>[] =>
      ofPull(repo, number, world.repository(repo).checkRuns.values()),
    statuses: (repo: RepositoryName, number?: number): readonly Readonly<CommitStatus>[] =>
      ofPull(repo, number, world.repository(repo).statuses),
    labels: (repo: RepositoryName, number: number): readonly string[] => [...world.pullRequest(repo, number).labels],
  };
}
