import { filesOfFolder } from '../git/folder.ts';
import type { Changes } from '../git/history.ts';
import { deleteBranch, moveBranch } from '../operations/branches.ts';
import { announceRepository, install, renameRepository, transferRepository } from '../operations/installations.ts';
import { signatureOf, tip } from '../operations/pull-requests.ts';
import type { Stage } from '../operations/stage.ts';
import type { Repository, Role, User } from '../world/entities.ts';
import { fullName, type RepositoryName } from '../world/world.ts';

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

export interface RepositoryCoordinates {
  readonly id: number;
  /** `owner/name` */
  readonly name: string;
  readonly headSha: string;
  readonly cloneUrl: string;
  readonly htmlUrl: string;
}

/** What people do with repositories, forks and branches. */
export function repositoryControls(stage: Stage) {
  const { world } = stage;
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
      return coordinates(stage, repository);
    },

    fork(repo: RepositoryName, owner: string): RepositoryCoordinates {
      return coordinates(stage, forkOf(stage, world.repository(repo), world.user(owner)));
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

    /** Pushes to any branch, which is made from the default branch when it is new, and gives its new commit. */
    pushBranch(
      repo: RepositoryName,
      branch: string,
      changes: Changes,
      options: { readonly message?: string; readonly author?: string } = {},
    ): string {
      const repository = world.repository(repo);
      const parent = repository.refs.get(`refs/heads/${branch}`) ?? tip(repository, repository.defaultBranch);
      const author = world.user(options.author ?? 'mona');
      return commitOn(stage, repository, branch, parent, changes, author, options.message ?? `Change ${branch}`);
    },

    deleteBranch(repo: RepositoryName, branch: string, user = 'mona'): void {
      deleteBranch(stage, world.repository(repo), branch, world.user(user));
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

    /** Makes the account a member of the organisation, which gives it no right in any repository. */
    addMember(owner: string, user: string): void {
      world.members.add(`${world.user(owner, 'Organization').login}/${world.user(user).login}`.toLowerCase());
      world.changed();
    },

    setPermission(repo: RepositoryName, user: string, role: Role): void {
      world.repository(repo).roles.set(world.user(user).login.toLowerCase(), role);
      world.changed();
    },
  };
}

/** Commits on top of a parent and moves the branch there. */
export function commitOn(
  stage: Stage,
  repository: Repository,
  branch: string,
  parent: string,
  changes: Changes,
  author: User,
  message: string,
): string {
  const { sha } = repository.history.commit([parent], changes, signatureOf(author, stage.world.now()), message);
  moveBranch(stage, repository, branch, sha, author);
  return sha;
}

/** The account's fork of the repository, which is made when there is none. */
export function forkOf({ world }: Stage, repository: Repository, owner: User): Repository {
  const existing = [...world.repositories.values()].find(
    (each) => each.owner === owner && each.parentId === repository.id,
  );
  if (existing) return existing;
  const made = world.addRepository(owner, repository.name, repository, repository);
  for (const [ref, sha] of repository.refs) if (ref.startsWith('refs/heads/')) made.refs.set(ref, sha);
  world.changed();
  return made;
}

function coordinates({ world }: Stage, repository: Repository): RepositoryCoordinates {
  const htmlUrl = world.html(`/${fullName(repository)}`);
  const headSha = tip(repository, repository.defaultBranch);
  return { id: repository.id, name: fullName(repository), headSha, cloneUrl: `${htmlUrl}.git`, htmlUrl };
}
