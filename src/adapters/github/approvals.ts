/**
 * Approvals of revisions, written down as commit statuses of our App. Whoever may push can write a status with any name
 * and any text: only whose it is cannot be chosen, so only our own count.
 */
import { z } from 'zod';
import type { PreviewKey } from '../../domain/preview.ts';
import type { Approval } from '../../ports.ts';
import { commitStatusAnswer } from './answers.ts';
import type { Page } from './client.ts';
import type { IsOurs } from './comments.ts';
import { RefusedError } from './refused-error.ts';
import type { RepositoryAccess } from './repository-access.ts';

type CommitStatus = z.infer<typeof commitStatusAnswer>;

/** Pages of 100. GitHub takes 1,000 statuses of one name for a revision; only who may push can write that many others. */
const mostPages = 10;
/** Also what a login looks like: GitHub lets nobody choose blanks. */
const approvedBy = /^Approved by ([\w-]+)$/;

/**
 * The newest of our statuses decides; one that does not say who approved it, or is not a success, is no approval. The same
 * revision may be the head of several pull requests, into branches with other charts: each has an approval of its own.
 */
export async function approval(
  access: RepositoryAccess,
  isOurs: IsOurs,
  environment: string,
  key: PreviewKey,
  revision: string,
): Promise<Approval | undefined> {
  const newest = await newestOfOurs(access, isOurs, contextOf(environment, key), revision);
  const [, by] = approvedBy.exec(newest?.description ?? '') ?? [];
  if (newest?.state !== 'success' || by === undefined) return undefined;
  return { revision, by, url: newest.target_url ?? '' };
}

export async function recordApproval(
  access: RepositoryAccess,
  isOurs: IsOurs,
  environment: string,
  key: PreviewKey,
  { revision, by, url }: Approval,
): Promise<void> {
  const description = `Approved by ${by}`;
  if (!approvedBy.test(description)) throw new Error(`recording an approval: ${JSON.stringify(by)} is no login`);
  const recorded = await approval(access, isOurs, environment, key, revision);
  if (recorded?.by === by && recorded.url === url) return;
  await access.write(
    'POST /statuses/{sha}',
    { sha: revision, state: 'success', context: contextOf(environment, key), description, target_url: url },
    commitStatusAnswer,
  );
}

/** The environment tells apart several Berths that share an App. */
function contextOf(environment: string, key: PreviewKey): string {
  return `${environment}/approval (#${key.number})`;
}

/** Statuses are listed newest first; a pull request that waits for approval has few. */
async function newestOfOurs(
  access: RepositoryAccess,
  isOurs: IsOurs,
  context: string,
  revision: string,
): Promise<CommitStatus | undefined> {
  for (let page = 1; page <= mostPages; page += 1) {
    const { value, hasNext } = await statuses(access, isOurs, revision, page);
    const found = value.find((status) => status.context === context);
    if (found || !hasNext) return found;
  }
  return undefined;
}

/** Ours, of all pull requests: the answer is kept for whoever asks about this revision. */
async function statuses(
  access: RepositoryAccess,
  isOurs: IsOurs,
  revision: string,
  page: number,
): Promise<Pick<Page<readonly CommitStatus[]>, 'value' | 'hasNext'>> {
  try {
    return await access.get(
      '/commits/{ref}/statuses',
      { ref: revision, per_page: 100, page },
      z.array(commitStatusAnswer),
      (each) => each.filter((status) => isOurs({ user: status.creator })),
    );
  } catch (error) {
    // GitHub does not know the revision: nobody can have approved it.
    const isUnknown = error instanceof RefusedError && (error.status === 404 || error.status === 422);
    if (isUnknown) return { value: [], hasNext: false };
    throw error;
  }
}
