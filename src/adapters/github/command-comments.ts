/**
 * What people say to us on a pull request. Anybody may comment, any number of times: what is asked for and what is kept
 * are bounded, whoever comments.
 *
 * GitHub lists comments oldest first, and says in the answer to any page which is the last. At most `mostPages` pages are
 * asked for, those that have not changed for free. A stranger who wants to hide an approval must write 300 comments before
 * Berth has looked after it was written, which takes seconds; GitHub lets an account write 80 a minute and 500 an hour. An
 * approval that was seen is recorded, and no comment matters to it any more.
 */
import { z } from 'zod';
import type { PreviewKey } from '../../domain/preview.ts';
import type { CommandComment } from '../../ports.ts';
import { personsCommentAnswer } from './answers.ts';
import type { RepositoryAccess } from './repository-access.ts';

const most = 300;
const perPage = 100;
/** Four pages hold the newest 300; the others are for finding the last one after many were written or deleted. */
const mostPages = 12;
/** What is kept of a comment: commands are short, and strangers can write 65,536 characters in each of thousands. */
const mostCharacters = 2_000;

interface CommentPage {
  /** Also those that are no commands, which tells where a page ends. */
  readonly comments: readonly (CommandComment | undefined)[];
  readonly lastPage: number | undefined;
}

/** Oldest first; longer comments are cut, with an ellipsis that makes no command of what is left. */
export async function commandComments(access: RepositoryAccess, key: PreviewKey): Promise<readonly CommandComment[]> {
  const known = new Map<number, CommentPage>();
  async function page(number: number): Promise<CommentPage | undefined> {
    const before = known.get(number);
    if (before || known.size >= mostPages) return before;
    const asked = await commentPage(access, key, number);
    known.set(number, asked);
    return asked;
  }

  const last = await lastPage(page);
  let newest: readonly (CommandComment | undefined)[] = [];
  for (let number = last; number >= 1 && newest.length < most; number -= 1) {
    const earlier = await page(number);
    if (!earlier) break;
    newest = [...earlier.comments, ...newest];
  }
  return newest.slice(-most).filter((comment) => comment !== undefined);
}

/** Number of the last page that has comments, or 1. */
async function lastPage(page: (number: number) => Promise<CommentPage | undefined>): Promise<number> {
  let last = 1;
  let end = Number.POSITIVE_INFINITY;
  for (let next = 1; ; ) {
    const asked = await page(next);
    if (asked?.comments.length) {
      last = next;
      next = pageAfter(last, asked) ?? end;
      if (next >= end) return last;
    } else {
      // What was said about the number of pages is old: comments were deleted since. The last one is somewhere between.
      end = next;
      next = Math.floor((last + end) / 2);
      if (!asked || next === last) return last;
    }
  }
}

/**
 * Which page is the last, as far as this one tells; `undefined` when it is itself. That GitHub has nothing new to say of a
 * page does not mean that no other has come since: a full one is not believed to be the last.
 */
function pageAfter(number: number, { comments, lastPage: toldLast }: CommentPage): number | undefined {
  if (toldLast !== undefined && toldLast > number) return toldLast;
  return comments.length === perPage ? number + 1 : undefined;
}

async function commentPage(access: RepositoryAccess, key: PreviewKey, page: number): Promise<CommentPage> {
  const { value, lastPage } = await access.get(
    '/issues/{number}/comments',
    { number: key.number, page, per_page: perPage },
    z.array(personsCommentAnswer),
    (comments) => comments.map(commandOf),
    'commands',
  );
  return { comments: value, lastPage };
}

/** What a program writes in a person's name is not that person's word either. */
function commandOf(comment: z.infer<typeof personsCommentAnswer>): CommandComment | undefined {
  const { user, performed_via_github_app: via, created_at: created, updated_at: updated } = comment;
  const body = shortened(comment.body ?? '');
  if (!user || user.type === 'Bot' || via || !/\/preview/i.test(body)) return undefined;
  return { author: user.login, body, isEdited: created !== updated, url: comment.html_url };
}

function shortened(body: string): string {
  if (body.length <= mostCharacters) return body;
  // A copy: a slice would keep the whole text in memory.
  return `${Buffer.from(body.slice(0, mostCharacters), 'utf16le').toString('utf16le')}…`;
}
