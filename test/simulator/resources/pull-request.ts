import { difference } from '../git/difference.ts';
import type { PullRequest, Repository, Side } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { authorAssociation, userResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';
import { labelResource } from './label.ts';
import { repositoryResource } from './repository.ts';

/** What a list of pull requests carries of each. */
export function simplePullRequestResource(world: World, repository: Repository, pull: PullRequest) {
  const url = world.api(`/repos/${fullName(repository)}/pulls/${pull.number}`);
  const issueUrl = world.api(`/repos/${fullName(repository)}/issues/${pull.number}`);
  const htmlUrl = pullRequestPage(world, repository, pull.number);
  const statusesUrl = world.api(`/repos/${fullName(repository)}/statuses/${pull.head.sha}`);
  const reviewCommentUrl = world.api(`/repos/${fullName(repository)}/pulls/comments{/number}`);
  return {
    url,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    html_url: htmlUrl,
    diff_url: `${htmlUrl}.diff`,
    patch_url: `${htmlUrl}.patch`,
    issue_url: issueUrl,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: userResource(world, pull.user),
    body: pull.body,
    created_at: timestamp(pull.createdAt),
    updated_at: timestamp(pull.updatedAt),
    closed_at: pull.closedAt ? timestamp(pull.closedAt) : null,
    merged_at: pull.mergedAt ? timestamp(pull.mergedAt) : null,
    merge_commit_sha: pull.mergeCommitSha ?? null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: [...pull.labels].map((name) => labelResource(world, repository, name)),
    milestone: null,
    draft: pull.draft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: reviewCommentUrl,
    comments_url: `${issueUrl}/comments`,
    statuses_url: statusesUrl,
    head: sideResource(world, pull.head),
    base: sideResource(world, pull.base),
    _links: {
      self: { href: url },
      html: { href: htmlUrl },
      issue: { href: issueUrl },
      comments: { href: `${issueUrl}/comments` },
      review_comments: { href: `${url}/comments` },
      review_comment: { href: reviewCommentUrl },
      commits: { href: `${url}/commits` },
      statuses: { href: statusesUrl },
    },
    author_association: authorAssociation(world, repository, pull.user),
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** A pull request by itself, and in webhooks. */
export function pullRequestResource(world: World, repository: Repository, pull: PullRequest) {
  const changes = changedFiles(repository, pull);
  const { history } = repository;
  const base = history.ancestors(pull.base.sha);
  return {
    ...simplePullRequestResource(world, repository, pull),
    merged: pull.mergedAt !== undefined,
    mergeable: pull.state === 'closed' || pull.mergeability === 'unknown' ? null : pull.mergeability === 'clean',
    rebaseable: pull.state === 'closed' || pull.mergeability === 'unknown' ? null : pull.mergeability === 'clean',
    mergeable_state: pull.state === 'closed' ? 'unknown' : pull.mergeability,
    merged_by: pull.mergedBy ? userResource(world, pull.mergedBy) : null,
    comments: [...repository.comments.values()].filter(({ issue }) => issue === pull.number).length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: [...history.ancestors(pull.head.sha)].filter((sha) => !base.has(sha)).length,
    additions: changes.reduce((sum, { additions }) => sum + additions, 0),
    deletions: changes.reduce((sum, { deletions }) => sum + deletions, 0),
    changed_files: changes.length,
  };
}

export function pullRequestPage(world: World, repository: Repository, number: number): string {
  return world.html(`/${fullName(repository)}/pull/${number}`);
}

/** What the pull request changes, from the point where it left its base. */
export function changedFiles(repository: Repository, pull: PullRequest) {
  const { history } = repository;
  const from = history.mergeBase(pull.base.sha, pull.head.sha);
  return difference(
    history,
    from === undefined ? new Map() : history.get(from).files,
    history.get(pull.head.sha).files,
  );
}

export function diffEntryResource(
  world: World,
  repository: Repository,
  pull: PullRequest,
  entry: ReturnType<typeof changedFiles>[number],
) {
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: entry.sha,
    filename: entry.path,
    status: entry.status,
    additions: entry.additions,
    deletions: entry.deletions,
    changes: entry.additions + entry.deletions,
    blob_url: world.html(`/${fullName(repository)}/blob/${pull.head.sha}/${path}`),
    raw_url: world.html(`/${fullName(repository)}/raw/${pull.head.sha}/${path}`),
    contents_url: world.api(`/repos/${fullName(repository)}/contents/${path}?ref=${pull.head.sha}`),
  };
}

function sideResource(world: World, side: Side) {
  const repository = side.repositoryId === undefined ? undefined : world.findRepository(side.repositoryId);
  return {
    label: `${side.owner.login}:${side.ref}`,
    ref: side.ref,
    sha: side.sha,
    user: userResource(world, side.owner),
    repo: repository ? repositoryResource(world, repository) : null,
  };
}
