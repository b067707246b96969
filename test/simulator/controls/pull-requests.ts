import type { Changes } from '../git/history.ts';
import { moveBranch } from '../operations/branches.ts';
import {
  addLabel,
  closePullRequest,
  type Edit,
  editPullRequest,
  mergePullRequest,
  openPullRequest,
  removeLabel,
  reopenPullRequest,
  setDraft,
  tip,
} from '../operations/pull-requests.ts';
import type { Stage } from '../operations/stage.ts';
import type { PullRequest, Repository, User } from '../world/entities.ts';
import { fullName, type RepositoryName } from '../world/world.ts';
import { commitOn, forkOf } from './repositories.ts';

export interface NewPullRequest {
  readonly repo: RepositoryName;
  readonly changes?: Changes;
  /** By default a new name; an existing branch is pushed to. */
  readonly branch?: string;
  readonly base?: string;
  readonly title?: string;
  readonly body?: string | null;
  /** By default `mona`, who may write; with `fromFork` the fork's owner, who may not. */
  readonly author?: string;
  /** The account whose fork it comes from; the fork is made when there is none. */
  readonly fromFork?: string;
  readonly draft?: boolean;
  readonly labels?: readonly string[];
}

export interface PushOptions {
  readonly message?: string;
  readonly author?: string;
  /** True puts one new commit in place of the pull request's own; a SHA goes (back) to that commit. */
  readonly force?: boolean | string;
}

export interface PullRequestCoordinates {
  readonly number: number;
  readonly headSha: string;
  readonly branch: string;
  readonly htmlUrl: string;
}

/** What people do with pull requests. Who is not named is the pull request's author. */
export function pullRequestControls(stage: Stage) {
  const { world } = stage;

  function pullOf(repo: RepositoryName, number: number): { repository: Repository; pull: PullRequest } {
    return { repository: world.repository(repo), pull: world.pullRequest(repo, number) };
  }

  /** Who does it: the named account, or else the pull request's author. */
  function by(login: string | undefined, pull: PullRequest): User {
    return login === undefined ? pull.user : world.user(login);
  }

  function pullCoordinates(repository: Repository, pull: PullRequest): PullRequestCoordinates {
    const htmlUrl = world.html(`/${fullName(repository)}/pull/${pull.number}`);
    return { number: pull.number, headSha: pull.head.sha, branch: pull.head.ref, htmlUrl };
  }

  return {
    openPullRequest(options: NewPullRequest): PullRequestCoordinates {
      const repository = world.repository(options.repo);
      const author = world.user(options.author ?? options.fromFork ?? 'mona');
      const head =
        options.fromFork === undefined ? repository : forkOf(stage, repository, world.user(options.fromFork));
      const isCollaborator = repository.roles.has(author.login.toLowerCase());
      if (head === repository && !isCollaborator) repository.roles.set(author.login.toLowerCase(), 'write');
      const base = options.base ?? repository.defaultBranch;
      const branch = options.branch ?? `change-${repository.pullRequests.size + 1}`;
      const title = options.title ?? `Change ${repository.pullRequests.size + 1}`;
      const start = head.refs.get(`refs/heads/${branch}`) ?? tip(repository, base);
      commitOn(stage, head, branch, start, options.changes ?? { [`${branch}.txt`]: `${title}\n` }, author, title);
      const { body = null, draft = false, labels = [] } = options;
      const pull = openPullRequest(stage, repository, { head, branch, base, title, body, author, draft, labels });
      return pullCoordinates(repository, pull);
    },

    /** Pushes to the pull request's branch, and gives the new head. */
    push(repo: RepositoryName, number: number, changes: Changes = {}, options: PushOptions = {}): string {
      const { repository, pull } = pullOf(repo, number);
      const author = by(options.author, pull);
      if (pull.head.repositoryId === undefined) throw new Error(`the fork of ${repo}#${number} is gone`);
      const head = world.repository(pull.head.repositoryId);
      if (typeof options.force === 'string') {
        moveBranch(stage, head, pull.head.ref, head.history.get(options.force).sha, author);
        return options.force;
      }
      const parent = options.force ? tip(repository, pull.base.ref) : pull.head.sha;
      return commitOn(
        stage,
        head,
        pull.head.ref,
        parent,
        changes,
        author,
        options.message ?? `Change ${Object.keys(changes).join(', ') || 'nothing'}`,
      );
    },

    label(repo: RepositoryName, number: number, name: string, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      addLabel(stage, repository, pull, name, by(user, pull));
    },

    unlabel(repo: RepositoryName, number: number, name: string, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      removeLabel(stage, repository, pull, name, by(user, pull));
    },

    closePullRequest(repo: RepositoryName, number: number, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      closePullRequest(stage, repository, pull, by(user, pull));
    },

    reopen(repo: RepositoryName, number: number, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      reopenPullRequest(stage, repository, pull, by(user, pull));
    },

    /** Merges into the base branch and gives the merge commit. */
    merge(repo: RepositoryName, number: number, user?: string): string {
      const { repository, pull } = pullOf(repo, number);
      const sha = mergePullRequest(stage, repository, pull, by(user, pull));
      closePullRequest(stage, repository, pull, by(user, pull));
      moveBranch(stage, repository, pull.base.ref, sha, by(user, pull));
      return sha;
    },

    edit(repo: RepositoryName, number: number, edit: Edit, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      editPullRequest(stage, repository, pull, edit, by(user, pull));
    },

    setDraft(repo: RepositoryName, number: number, draft: boolean, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      setDraft(stage, repository, pull, draft, by(user, pull));
    },
  };
}
