import { pushedCommitResource } from '../resources/commit.ts';
import { fullName } from '../world/world.ts';
import type { Repository, User } from '../world/entities.ts';
import { closePullRequest, synchronize } from './pull-requests.ts';
import { announce, type Stage } from './stage.ts';

const none = '0'.repeat(40);

/** Moves a branch to a commit, says `push`, and carries the open pull requests from that branch along. */
export function moveBranch(stage: Stage, repository: Repository, branch: string, sha: string, pusher: User): void {
  const { world } = stage;
  const ref = `refs/heads/${branch}`;
  const before = repository.refs.get(ref);
  if (before === sha) return;
  repository.refs.set(ref, sha);
  repository.pushedAt = world.now();
  const { history } = repository;
  const seen = before === undefined ? new Set<string>() : history.ancestors(before);
  const commits = [...history.ancestors(sha)].filter((each) => !seen.has(each)).toReversed();
  // GitHub lists the newest 2048 commits at most; a new branch shows only what nobody had.
  const listed = before === undefined ? [sha] : commits.slice(-2048);
  announce(
    stage,
    repository,
    'push',
    {
      ref,
      before: before ?? none,
      after: sha,
      created: before === undefined,
      deleted: false,
      forced: before !== undefined && !history.isAncestor(before, sha),
      base_ref: null,
      compare: world.html(`/${fullName(repository)}/compare/${(before ?? sha).slice(0, 12)}...${sha.slice(0, 12)}`),
      commits: listed.map((each) => pushedCommitResource(world, repository, history.get(each))),
      head_commit: pushedCommitResource(world, repository, history.get(sha)),
      pusher: { name: pusher.login, email: `${pusher.login}@users.noreply.github.com` },
    },
    pusher,
  );
  for (const each of world.repositories.values()) {
    if (each.history !== history) continue;
    for (const pull of each.pullRequests.values()) {
      if (pull.head.repositoryId === repository.id && pull.head.ref === branch)
        synchronize(stage, each, pull, sha, pusher);
      else if (each === repository && pull.base.ref === branch && pull.state === 'open') pull.mergeability = 'unknown';
    }
  }
}

/** Removes a branch, which closes the pull requests from it. */
export function deleteBranch(stage: Stage, repository: Repository, branch: string, sender: User): void {
  if (!repository.refs.delete(`refs/heads/${branch}`))
    throw new Error(`${fullName(repository)} has no branch ${branch}`);
  announce(stage, repository, 'delete', { ref: branch, ref_type: 'branch', pusher_type: 'user' }, sender);
  for (const each of stage.world.repositories.values()) {
    for (const pull of each.pullRequests.values()) {
      if (pull.head.repositoryId === repository.id && pull.head.ref === branch)
        closePullRequest(stage, each, pull, sender);
    }
  }
}
