import { conflicts, mergedFiles } from '../git/difference.ts';
import type { Signature } from '../git/objects.ts';
import { labelResource } from '../resources/label.ts';
import { pullRequestResource } from '../resources/pull-request.ts';
import type { PullRequest, Repository, User } from '../world/entities.ts';
import { announce, type Stage } from './stage.ts';

export interface Opening {
  readonly head: Repository;
  readonly branch: string;
  readonly base: string;
  readonly title: string;
  readonly body: string | null;
  readonly author: User;
  readonly draft: boolean;
  readonly labels: readonly string[];
}

export function signatureOf(user: User, at: Date): Signature {
  return { name: user.login, email: `${user.id}+${user.login}@users.noreply.github.com`, at };
}

/** The commit a branch points at; throws when there is no such branch. */
export function tip(repository: Repository, branch: string): string {
  const sha = repository.refs.get(`refs/heads/${branch}`);
  if (sha === undefined) throw new Error(`${repository.owner.login}/${repository.name} has no branch ${branch}`);
  return sha;
}

export function openPullRequest(stage: Stage, repository: Repository, opening: Opening): PullRequest {
  const { world } = stage;
  const at = world.now();
  const number = repository.pullRequests.size + 1;
  const pull: PullRequest = {
    id: world.nextId(),
    number,
    title: opening.title,
    body: opening.body,
    user: opening.author,
    state: 'open',
    draft: opening.draft,
    labels: new Set(),
    head: {
      repositoryId: opening.head.id,
      owner: opening.head.owner,
      ref: opening.branch,
      sha: tip(opening.head, opening.branch),
    },
    heads: [tip(opening.head, opening.branch)],
    base: {
      repositoryId: repository.id,
      owner: repository.owner,
      ref: opening.base,
      sha: tip(repository, opening.base),
    },
    createdAt: at,
    updatedAt: at,
    closedAt: undefined,
    mergedAt: undefined,
    mergedBy: undefined,
    mergeCommitSha: undefined,
    mergeability: 'unknown',
  };
  repository.pullRequests.set(number, pull);
  repository.refs.set(`refs/pull/${number}/head`, pull.head.sha);
  tell(stage, repository, pull, 'opened', opening.author);
  for (const label of opening.labels) addLabel(stage, repository, pull, label, opening.author);
  return pull;
}

/** Follows a moved head branch: GitHub says `synchronize`, for open pull requests only. */
export function synchronize(stage: Stage, repository: Repository, pull: PullRequest, sha: string, sender: User): void {
  const before = pull.head.sha;
  if (pull.state !== 'open' || before === sha) return;
  setHead(repository, pull, sha);
  touch(stage, pull);
  tell(stage, repository, pull, 'synchronize', sender, { before, after: sha });
}

function setHead(repository: Repository, pull: PullRequest, sha: string): void {
  if (sha === pull.head.sha) return;
  pull.head.sha = sha;
  pull.heads.push(sha);
  pull.base.sha = tip(repository, pull.base.ref);
  repository.refs.set(`refs/pull/${pull.number}/head`, sha);
  repository.refs.delete(`refs/pull/${pull.number}/merge`);
  pull.mergeability = 'unknown';
  pull.mergeCommitSha = undefined;
}

/** Works out mergeability, which GitHub does in the background once somebody has asked for the pull request. */
export function computeMergeability({ world }: Stage, repository: Repository, pull: PullRequest): void {
  if (pull.mergeability !== 'unknown' || pull.state === 'closed') return;
  const files = mergeOf(repository, pull);
  pull.mergeability = files ? 'clean' : 'dirty';
  if (!files) return;
  const by = signatureOf(pull.user, world.now());
  const message = `Merge ${pull.head.sha} into ${pull.base.sha}`;
  const commit = repository.history.commitFiles([pull.base.sha, pull.head.sha], files, by, message);
  pull.mergeCommitSha = commit.sha;
  repository.refs.set(`refs/pull/${pull.number}/merge`, commit.sha);
}

/** Merges into the base branch's tip, which the caller then moves to the commit that is returned. */
export function mergePullRequest(stage: Stage, repository: Repository, pull: PullRequest, sender: User): string {
  const files = mergeOf(repository, pull);
  if (!files) throw new Error(`pull request ${pull.number} conflicts with ${pull.base.ref}`);
  const at = stage.world.now();
  const message = `Merge pull request #${pull.number} from ${pull.head.owner.login}/${pull.head.ref}`;
  const parents = [tip(repository, pull.base.ref), pull.head.sha];
  const commit = repository.history.commitFiles(parents, files, signatureOf(sender, at), message);
  Object.assign(pull, { mergedAt: at, mergedBy: sender, mergeCommitSha: commit.sha });
  return commit.sha;
}

/** The files after a merge, or `undefined` when the two sides conflict. */
function mergeOf(repository: Repository, pull: PullRequest) {
  const { history } = repository;
  const baseSha = history.mergeBase(pull.base.sha, pull.head.sha);
  const base = baseSha === undefined ? new Map() : history.get(baseSha).files;
  const ours = history.get(tip(repository, pull.base.ref)).files;
  const theirs = history.get(pull.head.sha).files;
  return conflicts(base, ours, theirs).length > 0 ? undefined : mergedFiles(base, ours, theirs);
}

export function closePullRequest(stage: Stage, repository: Repository, pull: PullRequest, sender: User): void {
  if (pull.state === 'closed') return;
  pull.state = 'closed';
  pull.closedAt = stage.world.now();
  repository.refs.delete(`refs/pull/${pull.number}/merge`);
  touch(stage, pull);
  tell(stage, repository, pull, 'closed', sender);
}

export function reopenPullRequest(stage: Stage, repository: Repository, pull: PullRequest, sender: User): void {
  if (pull.state === 'open') return;
  if (pull.mergedAt) throw new Error(`pull request ${pull.number} is merged and cannot be opened again`);
  pull.state = 'open';
  pull.closedAt = undefined;
  pull.mergeability = 'unknown';
  // What was pushed while it was closed counts from now on.
  const head = pull.head.repositoryId === undefined ? undefined : stage.world.findRepository(pull.head.repositoryId);
  setHead(repository, pull, head?.refs.get(`refs/heads/${pull.head.ref}`) ?? pull.head.sha);
  touch(stage, pull);
  tell(stage, repository, pull, 'reopened', sender);
}

export function setDraft(stage: Stage, repository: Repository, pull: PullRequest, draft: boolean, sender: User): void {
  if (pull.draft === draft) return;
  pull.draft = draft;
  touch(stage, pull);
  tell(stage, repository, pull, draft ? 'converted_to_draft' : 'ready_for_review', sender);
}

export interface Edit {
  readonly title?: string;
  readonly body?: string;
  /** A branch of the repository to merge into from now on. */
  readonly base?: string;
}

export function editPullRequest(
  stage: Stage,
  repository: Repository,
  pull: PullRequest,
  edit: Edit,
  sender: User,
): void {
  const changes: Record<string, unknown> = {};
  if (edit.title !== undefined) {
    changes['title'] = { from: pull.title };
    pull.title = edit.title;
  }
  if (edit.body !== undefined) {
    changes['body'] = { from: pull.body ?? '' };
    pull.body = edit.body;
  }
  if (edit.base !== undefined) {
    changes['base'] = { ref: { from: pull.base.ref }, sha: { from: pull.base.sha } };
    pull.base.ref = edit.base;
    pull.base.sha = tip(repository, edit.base);
    pull.mergeability = 'unknown';
  }
  touch(stage, pull);
  tell(stage, repository, pull, 'edited', sender, { changes });
}

export function addLabel(stage: Stage, repository: Repository, pull: PullRequest, name: string, sender: User): void {
  if (pull.labels.has(name)) return;
  pull.labels.add(name);
  touch(stage, pull);
  tell(stage, repository, pull, 'labeled', sender, { label: labelResource(stage.world, repository, name) });
}

/** Gives false when the label was not there. */
export function removeLabel(
  stage: Stage,
  repository: Repository,
  pull: PullRequest,
  name: string,
  sender: User,
): boolean {
  if (!pull.labels.delete(name)) return false;
  touch(stage, pull);
  tell(stage, repository, pull, 'unlabeled', sender, { label: labelResource(stage.world, repository, name) });
  return true;
}

export function touch({ world }: Stage, pull: PullRequest): void {
  pull.updatedAt = world.now();
}

function tell(
  stage: Stage,
  repository: Repository,
  pull: PullRequest,
  action: string,
  sender: User,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const pullRequest = pullRequestResource(stage.world, repository, pull);
  announce(
    stage,
    repository,
    'pull_request',
    { action, number: pull.number, pull_request: pullRequest, ...more },
    sender,
  );
}
