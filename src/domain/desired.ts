/** What a pull request asks for, before anything of its code is looked at. */
import { matchesGlob } from './glob.ts';
import type { Desired, PullRequest } from './preview.ts';

/** Labels by which people steer a preview. */
const labels = { off: 'preview:off' } as const;

/** The part of `Desired` that needs no look at any code; `undefined` when the manifest, and for forks an approval, decide. */
export function desiredWithoutCode(pullRequest: PullRequest | undefined): Desired | undefined {
  if (pullRequest === undefined || pullRequest.state === 'closed') return { state: 'absent', why: 'closed' };
  if (pullRequest.labels.includes(labels.off)) return { state: 'absent', why: 'switched off' };
  return undefined;
}

/** When the manifest wants a preview; everything is optional and must hold together. */
export interface When {
  readonly label?: string | undefined;
  readonly drafts?: boolean | undefined;
  /** Base branches, as globs. */
  readonly branches?: readonly string[] | undefined;
  /** Changed files, as globs. */
  readonly paths?: readonly string[] | undefined;
}

/** Whether the manifest's `when` asks for a preview; `changedFiles` is needed only with `paths`. */
export function isRequested(when: When, pullRequest: PullRequest, changedFiles: readonly string[]): boolean {
  if (when.label !== undefined && !pullRequest.labels.includes(when.label)) return false;
  if (when.drafts === false && pullRequest.draft) return false;
  if (when.branches && !matchesAny(when.branches, pullRequest.base.branch)) return false;
  return !when.paths || changedFiles.some((path) => matchesAny(when.paths ?? [], path));
}

/**
 * The facts of a pull request that can change what should exist or be said, as one comparable text. A run whose intent differs
 * from the newest one has been superseded.
 */
export function intentOf(pullRequest: PullRequest | undefined): string {
  if (!pullRequest) return 'gone';
  const { state, draft, head, base, repository } = pullRequest;
  return JSON.stringify([
    `${repository.owner}/${repository.name}`,
    state,
    draft,
    head.revision,
    head.repositoryId ?? null,
    base.branch,
    [...pullRequest.labels].sort(),
  ]);
}

function matchesAny(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(text, glob));
}
