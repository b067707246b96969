/** Whether a fork's revision may run: read from the pull request each time, and never remembered here. */
import { type Objection, judgementOf, rightLost, withoutRight } from '../domain/approval.ts';
import { desiredWithoutCode } from '../domain/desired.ts';
import type { PreviewKey, PullRequest } from '../domain/preview.ts';
import { trustOf } from '../domain/trust.ts';
import type { Approval } from '../ports.ts';
import type { Ports } from './ports.ts';

/** `objection`: why the newest attempt to approve it does not count. */
export type Verdict =
  | { readonly approval: Approval }
  | { readonly approval: undefined; readonly objection: Objection | undefined };

/** Whom to ask about at most: strangers may write the command as well, each under many names. */
const mostAuthors = 20;

/**
 * Whether somebody who has the right at this moment has approved exactly the head revision. An approval in a comment is
 * written down as ours, so that nobody can take it away from under a preview by editing or burying the comment.
 * @throws what the forge throws, also when it does not tell who has which right: then nothing may run.
 */
export async function verdictOn(
  forge: Ports['forge'],
  { key, head }: Pick<PullRequest, 'key' | 'head'>,
  signal: AbortSignal,
): Promise<Verdict> {
  const { revision } = head;
  const rights = new Map<string, boolean>();
  const mayWrite = async (login: string): Promise<boolean> => {
    const known = rights.get(login) ?? (await forge.mayWrite(key.repositoryId, login, signal));
    rights.set(login, known);
    return known;
  };
  const recorded = await forge.approval(key, revision, signal);
  if (recorded && (await mayWrite(recorded.by))) return { approval: recorded };
  let objection: Objection | undefined;
  for (const comment of (await forge.commandComments(key, signal)).toReversed()) {
    const judgement = judgementOf(comment, revision);
    if (judgement.kind === 'no command') continue;
    if (judgement.kind === 'refused') {
      objection ??= judgement.objection;
      continue;
    }
    const { author, url } = comment;
    if (!rights.has(author) && rights.size >= mostAuthors) break;
    if (await mayWrite(author)) {
      const approval = { revision, by: author, url };
      await forge.recordApproval(key, approval, signal);
      return { approval };
    }
    objection ??= recorded?.by === author ? rightLost(author, url) : withoutRight(author, url);
  }
  if (recorded) objection ??= rightLost(recorded.by, recorded.url);
  return { approval: undefined, objection };
}

/**
 * Whether this revision may still be built and run, asked anew in the same way as when the work was begun: so whoever is
 * refused here, and begins again, is told the same there. @throws as `verdictOn`.
 */
export async function mayStillRun(
  forge: Ports['forge'],
  key: PreviewKey,
  revision: string,
  signal: AbortSignal,
): Promise<boolean> {
  const pullRequest = await forge.pullRequest(key, signal);
  if (!pullRequest || desiredWithoutCode(pullRequest) || pullRequest.head.revision !== revision) return false;
  return trustOf(pullRequest) === 'trusted' || (await verdictOn(forge, pullRequest, signal)).approval !== undefined;
}
