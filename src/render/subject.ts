/** What is rendered: a pull request that is made up from a directory, and where its code is to be had. */
import { basename } from 'node:path';
import type { LocalRepository } from '../adapters/git/local-repository.ts';
import type { PullRequest, Trust } from '../domain/preview.ts';
import { trustOf } from '../domain/trust.ts';
import type { Snapshot, Source } from '../ports.ts';

export interface SubjectOptions {
  /** Absolute. */
  readonly directory: string;
  /** Any name of git's for a commit; `undefined` for the work tree as it is. */
  readonly revision: string | undefined;
  readonly number: number;
  readonly branch: string | undefined;
  /** The branch that the pull request is meant for. */
  readonly baseBranch: string | undefined;
  /** `owner/name` */
  readonly repository: string | undefined;
  readonly repositoryId: number;
  readonly trust: Trust;
}

export interface Subject {
  readonly pullRequest: PullRequest;
  readonly trust: Trust;
  /** The revision's own files. */
  readonly code: Snapshot;
  /** Where chart and manifest of trusted code, and those of the base branch, are read from. */
  readonly source: Source;
  /** Whether it holds something that is not committed. */
  readonly isChanged: boolean;
}

/** The request cannot be fulfilled; the message says what to change. */
export class RenderError extends Error {
  override readonly name = 'RenderError';
}

/** A commit that is not there yet, for repositories without any. */
const noCommit = '0'.repeat(40);

/** @throws RenderError */
export async function subjectOf(
  repository: LocalRepository,
  options: SubjectOptions,
  signal: AbortSignal,
): Promise<Subject> {
  const committed = await repository.revisionOf(options.revision ?? 'HEAD', signal);
  if (options.revision !== undefined && committed === undefined) {
    throw new RenderError(`git knows no commit ${options.revision} in ${options.directory}`);
  }
  const revision = committed ?? noCommit;
  const pullRequest = madeUp(repository, options, revision);
  const fromGit = committed === undefined ? undefined : await repository.at(pullRequest.repository, revision, signal);
  if (options.revision !== undefined || repository.root === undefined) {
    if (fromGit === undefined) throw new RenderError(`${options.directory} has no commit yet`);
    return { pullRequest, trust: options.trust, code: fromGit, source: repository, isChanged: false };
  }
  const workTree = await repository.workTree(revision, signal);
  const source: Source =
    trustOf(pullRequest) === 'trusted'
      ? { at: async (asked, of, signal) => (of === revision ? workTree : await repository.at(asked, of, signal)) }
      : repository;
  const isChanged = fromGit === undefined || !(await repository.areSame(workTree, fromGit, signal));
  return { pullRequest, trust: options.trust, code: workTree, source, isChanged };
}

/** The revision at the tip of a branch, as the origin had it last, or as it is here. */
export async function branchRevision(
  repository: LocalRepository,
  branch: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const names = [`refs/remotes/origin/${branch}`, `refs/heads/${branch}`];
  for (const name of names) {
    const revision = await repository.revisionOf(name, signal);
    if (revision !== undefined) return revision;
  }
  return undefined;
}

function madeUp(
  { root, folder, branch, originUrl, originBranch }: LocalRepository,
  options: SubjectOptions,
  revision: string,
): PullRequest {
  const { repositoryId, number, directory } = options;
  // A folder of a repository stands for one of its own.
  const origin = folder === '' ? ownerAndName(originUrl ?? '') : undefined;
  const { owner, name } = ownerAndName(options.repository ?? '') ??
    origin ?? { owner: 'local', name: basename(folder || root || directory) };
  return {
    key: { repositoryId, number },
    repository: { id: repositoryId, owner, name, cloneUrl: '' },
    state: 'open',
    title: '',
    url: '',
    draft: false,
    author: '',
    labels: [],
    head: {
      revision,
      branch: options.branch ?? branch ?? 'preview',
      repositoryId: options.trust === 'trusted' ? repositoryId : undefined,
    },
    base: { branch: options.baseBranch ?? originBranch ?? 'main', revision: '' },
  };
}

/** Of `acme/shop`, `https://github.com/acme/shop.git` and `git@github.com:acme/shop.git`; `undefined` for any other text. */
export function ownerAndName(text: string): { readonly owner: string; readonly name: string } | undefined {
  const match = /^(?:.*[/:])?([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(text);
  return match?.[1] && match[2] ? { owner: match[1], name: match[2] } : undefined;
}
