import { filesOfFolder } from './git/folder.ts';
import type { Changes } from './git/history.ts';
import { deleteBranch, moveBranch } from './operations/branches.ts';
import { requestAction, rerequestCheckRun } from './operations/checks.ts';
import { createComment, deleteComment, editComment } from './operations/comments.ts';
import {
  announceRepository,
  install,
  issueToken,
  ping,
  renameRepository,
  setSuspended,
  transferRepository,
  uninstall,
} from './operations/installations.ts';
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
  signatureOf,
  tip,
} from './operations/pull-requests.ts';
import type { Stage } from './operations/stage.ts';
import type { Permissions, PullRequest, Repository, Role, User } from './world/entities.ts';
import { fullName, type RepositoryName } from './world/world.ts';

export interface NewRepository {
  /** An organisation, unless an account of that name is there already. The app is installed on it. */
  readonly owner: string;
  readonly name: string;
  /** A folder to copy, or files by path; by default a README. */
  readonly from?: string | Readonly<Record<string, string>>;
  /** By default `main`. */
  readonly defaultBranch?: string;
  /** By default true. */
  readonly private?: boolean;
  /** By default true: whether the app gets installed on the owner. */
  readonly installed?: boolean;
}

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

export interface WantedToken {
  readonly permissions?: Permissions;
  readonly repositories?: readonly RepositoryName[];
  readonly expiresInMs?: number;
}

export interface RepositoryCoordinates {
  readonly id: number;
  /** `owner/name` */
  readonly name: string;
  readonly headSha: string;
  readonly cloneUrl: string;
  readonly htmlUrl: string;
}

export interface PullRequestCoordinates {
  readonly number: number;
  readonly headSha: string;
  readonly branch: string;
  readonly htmlUrl: string;
}

export type Controls = ReturnType<typeof createControls>;

/**
 * What people do on GitHub. Each takes effect at once and sends its webhooks without waiting for the receiver:
 * `deliveries.settled()` waits. Accounts come into being when they are named.
 */
export function createControls(stage: Stage) {
  const { world } = stage;

  function pullOf(repo: RepositoryName, number: number): { repository: Repository; pull: PullRequest } {
    return { repository: world.repository(repo), pull: world.pullRequest(repo, number) };
  }

  /** Who does it: the named account, or else the pull request's author. */
  function by(login: string | undefined, pull: PullRequest): User {
    return login === undefined ? pull.user : world.user(login);
  }

  function commitOn(
    repository: Repository,
    branch: string,
    parent: string,
    changes: Changes,
    author: User,
    message: string,
  ): string {
    const { sha } = repository.history.commit([parent], changes, signatureOf(author, world.now()), message);
    moveBranch(stage, repository, branch, sha, author);
    return sha;
  }

  function coordinates(repository: Repository): RepositoryCoordinates {
    const htmlUrl = world.html(`/${fullName(repository)}`);
    const headSha = tip(repository, repository.defaultBranch);
    return { id: repository.id, name: fullName(repository), headSha, cloneUrl: `${htmlUrl}.git`, htmlUrl };
  }

  function pullCoordinates(repository: Repository, pull: PullRequest): PullRequestCoordinates {
    const htmlUrl = world.html(`/${fullName(repository)}/pull/${pull.number}`);
    return { number: pull.number, headSha: pull.head.sha, branch: pull.head.ref, htmlUrl };
  }

  function forkOf(repository: Repository, owner: User): Repository {
    const existing = [...world.repositories.values()].find(
      (each) => each.owner === owner && each.parentId === repository.id,
    );
    if (existing) return existing;
    const made = world.addRepository(owner, repository.name, repository, repository);
    for (const [ref, sha] of repository.refs) if (ref.startsWith('refs/heads/')) made.refs.set(ref, sha);
    world.changed();
    return made;
  }

  return {
    createRepository(options: NewRepository): RepositoryCoordinates {
      const { from = { 'README.md': `# ${options.name}\n` }, defaultBranch = 'main' } = options;
      const owner = world.user(options.owner, 'Organization');
      if (options.installed !== false && !world.installationOf(owner)) install(stage, owner);
      const repository = world.addRepository(owner, options.name, { private: options.private ?? true, defaultBranch });
      const files = typeof from === 'string' ? filesOfFolder(from) : from;
      const first = repository.history.commit(
        [],
        files,
        signatureOf(world.user('mona'), world.now()),
        'Initial commit',
      );
      repository.refs.set(`refs/heads/${defaultBranch}`, first.sha);
      announceRepository(stage, repository);
      world.changed();
      return coordinates(repository);
    },

    fork(repo: RepositoryName, owner: string): RepositoryCoordinates {
      return coordinates(forkOf(world.repository(repo), world.user(owner)));
    },

    /** Removes a repository; pull requests that came from it then say `head.repo: null`. */
    deleteFork(repo: RepositoryName): void {
      const fork = world.repository(repo);
      world.repositories.delete(fork.id);
      for (const repository of world.repositories.values()) {
        for (const pull of repository.pullRequests.values()) {
          if (pull.head.repositoryId === fork.id) pull.head.repositoryId = undefined;
        }
      }
      world.changed();
    },

    openPullRequest(options: NewPullRequest): PullRequestCoordinates {
      const repository = world.repository(options.repo);
      const author = world.user(options.author ?? options.fromFork ?? 'mona');
      const head = options.fromFork === undefined ? repository : forkOf(repository, world.user(options.fromFork));
      const isCollaborator = repository.roles.has(author.login.toLowerCase());
      if (head === repository && !isCollaborator) repository.roles.set(author.login.toLowerCase(), 'write');
      const base = options.base ?? repository.defaultBranch;
      const branch = options.branch ?? `change-${repository.pullRequests.size + 1}`;
      const title = options.title ?? `Change ${repository.pullRequests.size + 1}`;
      const start = head.refs.get(`refs/heads/${branch}`) ?? tip(repository, base);
      commitOn(head, branch, start, options.changes ?? { [`${branch}.txt`]: `${title}\n` }, author, title);
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
        head,
        pull.head.ref,
        parent,
        changes,
        author,
        options.message ?? `Change ${Object.keys(changes).join(', ') || 'nothing'}`,
      );
    },

    /** Pushes to any branch, which is made from the default branch when it is new, and gives its new commit. */
    pushBranch(
      repo: RepositoryName,
      branch: string,
      changes: Changes,
      options: Omit<PushOptions, 'force'> = {},
    ): string {
      const repository = world.repository(repo);
      const parent = repository.refs.get(`refs/heads/${branch}`) ?? tip(repository, repository.defaultBranch);
      const author = world.user(options.author ?? 'mona');
      return commitOn(repository, branch, parent, changes, author, options.message ?? `Change ${branch}`);
    },

    deleteBranch(repo: RepositoryName, branch: string, user = 'mona'): void {
      deleteBranch(stage, world.repository(repo), branch, world.user(user));
    },

    label(repo: RepositoryName, number: number, name: string, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      addLabel(stage, repository, pull, name, by(user, pull));
    },

    unlabel(repo: RepositoryName, number: number, name: string, user?: string): void {
      const { repository, pull } = pullOf(repo, number);
      removeLabel(stage, repository, pull, name, by(user, pull));
    },

    /** Gives the comment's id. */
    comment(repo: RepositoryName, number: number, user: string, body: string): number {
      return createComment(stage, world.repository(repo), number, world.user(user), body).id;
    },

    editComment(repo: RepositoryName, id: number, body: string, user?: string): void {
      const { repository, comment } = commentOf(repo, id);
      editComment(stage, repository, comment, body, user === undefined ? comment.user : world.user(user));
    },

    deleteComment(repo: RepositoryName, id: number, user?: string): void {
      const { repository, comment } = commentOf(repo, id);
      deleteComment(stage, repository, comment, user === undefined ? comment.user : world.user(user));
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

    /** Presses one of the buttons on a check run. */
    requestAction(repo: RepositoryName, checkRunId: number, identifier: string, user: string): void {
      const { repository, run } = checkRunOf(repo, checkRunId);
      requestAction(stage, repository, run, identifier, world.user(user));
    },

    rerequestCheckRun(repo: RepositoryName, checkRunId: number, user: string): void {
      const { repository, run } = checkRunOf(repo, checkRunId);
      rerequestCheckRun(stage, repository, run, world.user(user));
    },

    rename(repo: RepositoryName, name: string): void {
      renameRepository(stage, world.repository(repo), name);
    },

    /** The app is installed on the new owner too, unless it is somebody without the app: then its events end. */
    transfer(repo: RepositoryName, owner: string, options: { readonly installed?: boolean } = {}): void {
      const to = world.user(owner, 'Organization');
      if (options.installed !== false && !world.installationOf(to)) install(stage, to);
      transferRepository(stage, world.repository(repo), to);
    },

    setPermission(repo: RepositoryName, user: string, role: Role): void {
      world.repository(repo).roles.set(world.user(user).login.toLowerCase(), role);
      world.changed();
    },

    /** A token of the installation on that account, without the detour over the API; by default it may do everything. */
    issueToken(owner: string, wanted: WantedToken = {}): string {
      const repositories = wanted.repositories?.map((name) => world.repository(name).id);
      const expiresInMs = wanted.expiresInMs ?? 3_600_000;
      const permissions = wanted.permissions ?? world.app.permissions;
      return issueToken(stage, installationOf(owner), permissions, repositories && new Set(repositories), expiresInMs)
        .value;
    },

    /** Installs the app, if need be, and gives the installation's id. */
    install(owner: string): number {
      const account = world.user(owner, 'Organization');
      return (world.installationOf(account) ?? install(stage, account)).id;
    },

    suspendInstallation(owner: string): void {
      setSuspended(stage, installationOf(owner), true);
    },

    unsuspendInstallation(owner: string): void {
      setSuspended(stage, installationOf(owner), false);
    },

    uninstall(owner: string): void {
      uninstall(stage, installationOf(owner));
    },

    ping(): void {
      ping(stage);
    },

    setWebhookUrl(url: string | undefined): void {
      stage.webhooks.url = url;
    },

    /** Puts GitHub's clock ahead of this machine's, or behind it. Tokens expire by it. */
    setClockOffset(offsetMs: number): void {
      world.clockOffsetMs = offsetMs;
    },
  };

  function commentOf(repo: RepositoryName, id: number) {
    const repository = world.repository(repo);
    const comment = repository.comments.get(id);
    if (!comment) throw new Error(`the simulator has no comment ${id} in ${repo}`);
    return { repository, comment };
  }

  function checkRunOf(repo: RepositoryName, id: number) {
    const repository = world.repository(repo);
    const run = repository.checkRuns.get(id);
    if (!run) throw new Error(`the simulator has no check run ${id} in ${repo}`);
    return { repository, run };
  }

  function installationOf(owner: string) {
    const installation = world.installationOf(world.user(owner));
    if (!installation) throw new Error(`the app is not installed on ${owner}`);
    return installation;
  }
}
