import { difference } from '../git/difference.ts';
import type { Commit } from '../git/history.ts';
import type { CommitStatus, Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { userResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';
import { repositoryResource } from './repository.ts';

export function commitResource(world: World, repository: Repository, commit: Commit) {
  const url = world.api(`/repos/${fullName(repository)}/commits/${commit.sha}`);
  const by = { name: commit.by.name, email: commit.by.email, date: timestamp(commit.by.at) };
  const account = world.findUser(commit.by.name);
  return {
    sha: commit.sha,
    node_id: nodeId('C', Number.parseInt(commit.sha.slice(0, 8), 16)),
    url,
    html_url: commitPage(world, repository, commit.sha),
    comments_url: `${url}/comments`,
    commit: {
      author: by,
      committer: by,
      message: commit.message,
      tree: { sha: commit.tree, url: world.api(`/repos/${fullName(repository)}/git/trees/${commit.tree}`) },
      url: world.api(`/repos/${fullName(repository)}/git/commits/${commit.sha}`),
      comment_count: 0,
      verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
    },
    author: account ? userResource(world, account) : null,
    committer: account ? userResource(world, account) : null,
    parents: commit.parents.map((sha) => ({
      sha,
      url: world.api(`/repos/${fullName(repository)}/commits/${sha}`),
      html_url: commitPage(world, repository, sha),
    })),
  };
}

/** A commit as the `push` webhook carries it. */
export function pushedCommitResource(world: World, repository: Repository, commit: Commit) {
  const by = { name: commit.by.name, email: commit.by.email, username: commit.by.name };
  const [parent] = commit.parents;
  const { history } = repository;
  const changes = difference(history, parent === undefined ? new Map() : history.get(parent).files, commit.files);
  const paths = (status: string) => changes.filter((change) => change.status === status).map(({ path }) => path);
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: timestamp(commit.by.at),
    url: commitPage(world, repository, commit.sha),
    author: by,
    committer: by,
    added: paths('added'),
    removed: paths('removed'),
    modified: paths('modified'),
  };
}

function simpleStatusResource(world: World, repository: Repository, status: CommitStatus) {
  return {
    url: world.api(`/repos/${fullName(repository)}/statuses/${status.sha}`),
    avatar_url: world.html(`/avatars/in/${world.app.id}?v=4`),
    id: status.id,
    node_id: nodeId('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: timestamp(status.createdAt),
    updated_at: timestamp(status.createdAt),
  };
}

export function statusResource(world: World, repository: Repository, status: CommitStatus) {
  return { ...simpleStatusResource(world, repository, status), creator: userResource(world, status.creator) };
}

/** Every context's newest status, and what they come to. */
export function combinedStatusResource(
  world: World,
  repository: Repository,
  sha: string,
  statuses: readonly CommitStatus[],
) {
  const states = new Set(statuses.map(({ state }) => state));
  const failed = states.has('failure') || states.has('error');
  const state = failed
    ? 'failure'
    : statuses.length > 0 && states.size === 1 && states.has('success')
      ? 'success'
      : 'pending';
  const url = world.api(`/repos/${fullName(repository)}/commits/${sha}`);
  return {
    state,
    statuses: statuses.map((status) => simpleStatusResource(world, repository, status)),
    sha,
    total_count: statuses.length,
    repository: repositoryResource(world, repository),
    commit_url: url,
    url: `${url}/status`,
  };
}

function commitPage(world: World, repository: Repository, sha: string): string {
  return world.html(`/${fullName(repository)}/commit/${sha}`);
}
