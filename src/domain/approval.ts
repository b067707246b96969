/** What a comment means for one revision of a fork. */
import { approvalCommandOf } from './approval-command.ts';

/** Why the newest command on a pull request was not taken. All of it but `why` is from outside. */
export interface Objection {
  /** Login of who wrote the comment. */
  readonly by: string;
  /** Its web page. */
  readonly url: string;
  /** Continues "the command", without a full stop. */
  readonly why: string;
}

/** What a comment is worth before anybody has been asked whether its author has the right. */
export type CommentJudgement =
  | { readonly kind: 'no command' }
  | { readonly kind: 'approves' }
  | { readonly kind: 'refused'; readonly objection: Objection };

interface Comment {
  readonly author: string;
  readonly body: string;
  readonly isEdited: boolean;
  readonly url: string;
}

/** Whether a comment approves this revision, exactly and unedited. */
export function judgementOf(comment: Comment, revision: string): CommentJudgement {
  const command = approvalCommandOf(comment.body);
  switch (command.kind) {
    case 'none':
      return { kind: 'no command' };
    case 'misunderstood':
      return refused(comment, `was not taken: ${command.why}`);
    case 'approve':
      // Who edits a comment need not be who wrote it.
      if (comment.isEdited) return refused(comment, 'was not taken: its comment was edited');
      if (command.revision !== revision) {
        return refused(comment, `is for ${command.revision.slice(0, 7)}, not for this revision`);
      }
      return { kind: 'approves' };
  }
}

/** The objection to somebody who may not write to the repository. */
export function withoutRight(author: string, url: string): Objection {
  return { by: author, url, why: 'was not taken: its author may not write to this repository' };
}

/** The objection to an approval whose author has lost the right since. */
export function rightLost(author: string, url: string): Objection {
  return { by: author, url, why: 'does not count any more: its author may not write to this repository' };
}

function refused({ author, url }: Comment, why: string): CommentJudgement {
  return { kind: 'refused', objection: { by: author, url, why } };
}
