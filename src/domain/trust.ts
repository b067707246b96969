/** Who stands behind a pull request's code. */
import type { PullRequest, Trust } from './preview.ts';

/**
 * Who stands behind the head revision. A fork is a head repository that is not the base's own, or that is gone; only
 * people with write access push to the base's own. `author_association` is never asked: it says nothing about access.
 */
export function trustOf(pullRequest: Pick<PullRequest, 'head' | 'repository'>): Trust {
  return pullRequest.head.repositoryId === pullRequest.repository.id ? 'trusted' : 'untrusted';
}
