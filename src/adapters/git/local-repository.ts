/** A repository on this machine, read without a mirror and without writing to it. */
import { copyFile, mkdir, readdir, realpath, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Snapshot, Source } from '../../ports.ts';
import { exportDefaults } from './export.ts';
import { type Git, gitIn } from './git.ts';
import { exactAttributes, type Reader } from './mirror.ts';
import { GitSnapshot, snapshotMemory } from './snapshot.ts';
import { Worktrees } from './worktrees.ts';

export interface LocalRepositoryOptions {
  readonly gitPath: string;
  /** Where git and what it needs are. */
  readonly programPath: string;
  /** Absolute, empty, and removed by the caller: everything that is written goes there. */
  readonly temporaryDirectory: string;
}

/** `at` ignores which repository it is asked about. */
export interface LocalRepository extends Source {
  /** Absolute path of its work tree, `undefined` when it is bare. */
  readonly root: string | undefined;
  /** Where the given directory lies in it, `''` for its root: snapshots hold this folder only, as their root. */
  readonly folder: string;
  /** Full name of the branch, `undefined` when none is checked out. */
  readonly branch: string | undefined;
  /** Where it was cloned from. */
  readonly originUrl: string | undefined;
  /** The branch that is the origin's default, as far as it was told. */
  readonly originBranch: string | undefined;
  /** The commit that a name stands for (`HEAD`, a branch, a tag, a part of a SHA), 40 hex digits; `undefined` when there is none. */
  revisionOf(name: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * The work tree as a commit of everything in it that git does not ignore would have it. It says to be `revision`.
   * @throws when the repository is bare.
   */
  workTree(revision: string, signal: AbortSignal): Promise<Snapshot>;
  /** Whether two snapshots of this repository hold the same. */
  areSame(one: Snapshot, other: Snapshot, signal: AbortSignal): Promise<boolean>;
}

/** The directory is in no repository of git's, or in one that cannot be read; the message says which. */
export class NoRepositoryError extends Error {
  override readonly name = 'NoRepositoryError';
}

const timeoutMs = 600_000;
/** Of git's object ids: GitHub knows no others. */
const sha1 = /^[0-9a-f]{40}$/;

/**
 * Opens the repository that a directory lies in. Objects are read through a bare repository of our own that borrows them, so that
 * neither settings nor attributes nor filters of the other one count, and nothing is written to it.
 * @throws NoRepositoryError
 */
export async function openLocalRepository(
  directory: string,
  options: LocalRepositoryOptions,
  signal: AbortSignal,
): Promise<LocalRepository> {
  const git = gitIn(options.gitPath, [], { PATH: options.programPath });
  const found = await discover(git, directory, signal);
  const own = path.join(options.temporaryDirectory, 'repository.git');
  await borrow(git, own, found, signal);
  const reader: Reader = {
    repositoryId: 0,
    read: (args, call) => git([`--git-dir=${own}`, ...args], call),
  };
  const exports = {
    ...exportDefaults,
    worktrees: new Worktrees(path.join(options.temporaryDirectory, 'exports'), 0),
    timeoutMs,
  };

  const memory = snapshotMemory();
  const snapshotOf = async (revision: string, treeish: string, signal: AbortSignal): Promise<GitSnapshot> => {
    const name = `${treeish}:${found.folder}`;
    const { code, stdout } = await reader.read(['rev-parse', '--verify', '--quiet', name], {
      signal,
      accept: [1, 128],
    });
    if (code !== 0) {
      const what = found.folder === '' ? `no commit ${revision}` : `nothing in the folder ${found.folder}`;
      throw new NoRepositoryError(`git has ${what} in ${found.root ?? directory}`);
    }
    return new GitSnapshot(reader, revision, stdout.trim(), exports, memory);
  };

  return {
    ...found,
    async at(_, revision, signal) {
      if (!sha1.test(revision)) throw new Error(`not a revision: ${JSON.stringify(revision)}`);
      return await snapshotOf(revision, revision, signal);
    },
    async revisionOf(name, signal) {
      const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
      const { code, stdout } = await git(inside(directory, args), { signal, accept: [1, 128], settings: anybodys });
      return code === 0 ? stdout.trim() : undefined;
    },
    async workTree(revision, signal) {
      const { root, folder } = found;
      if (root === undefined) throw new NoRepositoryError(`${directory} is a bare repository: it has no work tree`);
      const call = { signal, timeoutMs, env: { GIT_WORK_TREE: root, GIT_INDEX_FILE: path.join(own, 'index') } };
      await copyIndex(found.index, own);
      const pathspec = folder === '' ? '.' : folder;
      await git([`--git-dir=${own}`, 'add', '--all', '--', pathspec], { ...call, cwd: root });
      const { stdout } = await git([`--git-dir=${own}`, 'write-tree'], call);
      return await snapshotOf(revision, stdout.trim(), signal);
    },
    async areSame(one, other, signal) {
      const [ours, theirs] = await Promise.all([one.entries([''], signal), other.entries([''], signal)]);
      return ours.get('')?.id === theirs.get('')?.id;
    },
  };
}

interface Found extends Pick<LocalRepository, 'root' | 'folder' | 'branch' | 'originUrl' | 'originBranch'> {
  readonly objects: string;
  readonly index: string;
  readonly exclude: string;
}

/** Whosever directory it is: nothing of what is asked there is ever executed. */
const anybodys = { 'safe.directory': '*', 'core.fsmonitor': 'false' };

const inside = (directory: string, args: readonly string[]) => ['-C', directory, ...args];

async function discover(git: Git, directory: string, signal: AbortSignal): Promise<Found> {
  const ask = async (...args: readonly string[]): Promise<readonly string[] | undefined> => {
    const { code, stdout } = await git(inside(directory, args), { signal, accept: [1, 128], settings: anybodys });
    return code === 0 ? stdout.split('\n').slice(0, -1) : undefined;
  };
  const kind = await ask('rev-parse', '--is-inside-work-tree', '--is-bare-repository');
  if (kind === undefined)
    throw new NoRepositoryError(`${directory} is in no git repository: \`git init\` makes it one`);
  const [isInWorkTree, isBare] = kind;
  if (isInWorkTree !== 'true' && isBare !== 'true') throw new NoRepositoryError(`${directory} is git's own directory`);
  const paths = await ask(
    'rev-parse',
    '--path-format=absolute',
    ...['objects', 'index', 'info/exclude'].flatMap((name) => ['--git-path', name]),
    '--show-object-format',
  );
  const [objects = '', index = '', exclude = '', format] = paths ?? [];
  if (format !== 'sha1')
    throw new NoRepositoryError(
      `${directory} is not a repository that GitHub could have: it uses ${format ?? 'nothing known'}`,
    );
  const [root] = (isBare === 'true' ? [] : await ask('rev-parse', '--show-toplevel')) ?? [];
  const [prefix = ''] = (root === undefined ? [] : await ask('rev-parse', '--show-prefix')) ?? [];
  const [branch] = (await ask('symbolic-ref', '--quiet', '--short', 'HEAD')) ?? [];
  const [originUrl] = (await ask('config', '--get', 'remote.origin.url')) ?? [];
  const [origin] = (await ask('symbolic-ref', '--quiet', 'refs/remotes/origin/HEAD')) ?? [];
  const originBranch = origin?.replace(/^refs\/remotes\/origin\//, '');
  return { root, folder: prefix.replace(/\/$/, ''), branch, originUrl, originBranch, objects, index, exclude };
}

/** Makes a bare repository that has the objects of the other one. Source: git-scm.com/docs/gitrepository-layout */
async function borrow(git: Git, own: string, { objects, exclude }: Found, signal: AbortSignal): Promise<void> {
  await mkdir(own, { recursive: true });
  await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=none', own], { signal });
  await mkdir(path.join(own, 'info'), { recursive: true });
  await writeFile(path.join(own, 'info', 'attributes'), exactAttributes);
  await writeFile(path.join(own, 'objects', 'info', 'alternates'), `${await realpath(objects)}\n`);
  await copyIfThere(exclude, path.join(own, 'info', 'exclude'));
}

/** With the index git knows which files have not changed since it read them, and which were never checked out. */
async function copyIndex(index: string, own: string): Promise<void> {
  const copy = path.join(own, 'index');
  if (!(await copyIfThere(index, copy))) return;
  // Git reads a file again that was changed in the moment when the index was written, or later: a copy that was written later
  // would have it believe such files to be unchanged. Source: git-scm.com/docs/racy-git
  const written = Math.floor((await stat(index)).mtimeMs / 1000);
  await utimes(copy, written, written);
  // Parts of a split index lie beside it.
  for (const name of await readdir(path.dirname(index))) {
    if (name.startsWith('sharedindex.')) await copyIfThere(path.join(path.dirname(index), name), path.join(own, name));
  }
}

/** @returns whether it was there. */
async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
