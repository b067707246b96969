/** Our one comment on a pull request. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyId, type PreviewKey } from '../../domain/preview.ts';
import type { Store } from '../../ports.ts';
import { commentAnswer } from './answers.ts';
import { listAll } from './pages.ts';
import { RefusedError } from './refused-error.ts';
import type { RepositoryAccess } from './repository-access.ts';

type Cache = Pick<Store, 'get' | 'set' | 'forget'>;

/** Whether something on GitHub was written by our App. */
export type IsOurs = (written: {
  readonly user?: { readonly login: string; readonly type?: string | undefined } | null | undefined;
  readonly performed_via_github_app?: { readonly id: number } | null | undefined;
}) => boolean;

/** How long the comment is believed to be the only one of ours. */
const cacheMs = 10 * 60_000;
const cachedComment = z.object({ id: z.int(), digest: z.string() });

/**
 * Makes `body` the text of the comment. Which comment is ours is remembered. That it is there, and says what was written
 * last, is not believed: people delete comments, a worker may die in the middle of a write, and one that was overtaken may
 * have had the last word. To ask is free as long as nothing has changed.
 */
export async function writeComment(
  access: RepositoryAccess,
  cache: Cache,
  isOurs: IsOurs,
  key: PreviewKey,
  body: string,
  onlyExisting: boolean,
): Promise<void> {
  const text = `${markerOf(key)}\n${body}`;
  const digest = createHash('sha256').update(text).digest('hex');
  const cacheKey = `comment:${keyId(key)}`;
  const cached = readCached(await cache.get(cacheKey));
  if (cached?.digest === digest && (await says(access, cached.id, text))) return;
  let id = cached && (await update(access, cached.id, text));
  if (id === undefined) {
    // Somebody has deleted it: were it remembered, every look would try to write it.
    if (cached) await cache.forget(cacheKey);
    id = await settleOnOne(access, await findOurs(access, isOurs, key), text);
    if (id === undefined) {
      if (onlyExisting) return;
      const parameters = { number: key.number, body: text };
      const created = await access.write('POST /issues/{number}/comments', parameters, commentAnswer);
      // Another worker may have found none either. Whoever comes second sees both once its own is there.
      const before = (await findOurs(access, isOurs, key)).filter((each) => each.id < created.id);
      id = await settleOnOne(access, [...before, created], text);
    }
  }
  // Without an id, what we settled on was deleted at this moment: the next look finds none.
  if (id !== undefined) await cache.set(cacheKey, JSON.stringify({ id, digest }), cacheMs);
}

/**
 * Makes the oldest of several comments say the text and removes the others: a crash came between the writing of one and
 * its answer, or two workers wrote at the same time. @returns its id, `undefined` when there is none.
 */
async function settleOnOne(
  access: RepositoryAccess,
  ours: readonly z.infer<typeof commentAnswer>[],
  text: string,
): Promise<number | undefined> {
  const [first, ...others] = ours;
  if (!first) return undefined;
  const id = isText(first.body, text) ? first.id : await update(access, first.id, text);
  for (const other of others) await remove(access, other.id);
  return id;
}

/** The hidden first line by which a comment is found again; anybody may copy it, so its author counts too. */
function markerOf(key: PreviewKey): string {
  return `<!-- berth:preview ${keyId(key)} -->`;
}

/** Oldest first. */
async function findOurs(
  access: RepositoryAccess,
  isOurs: IsOurs,
  key: PreviewKey,
): Promise<readonly z.infer<typeof commentAnswer>[]> {
  const marker = markerOf(key);
  const ours = await listAll(
    (page) =>
      access.get('/issues/{number}/comments', { number: key.number, ...page }, z.array(commentAnswer), (comments) =>
        // The length of a page says whether there is another: strangers' comments stay in it, without their text.
        comments.map((comment) => (isOurs(comment) && comment.body?.startsWith(marker) ? comment : undefined)),
      ),
    50,
  );
  return ours.filter((comment) => comment !== undefined).sort((a, b) => a.id - b.id);
}

/** The comment's id, `undefined` when somebody has deleted it. */
async function update(access: RepositoryAccess, id: number, body: string): Promise<number | undefined> {
  return unlessGone(
    access.write('PATCH /issues/comments/{comment_id}', { comment_id: id, body }, commentAnswer).then(() => id),
  );
}

async function says(access: RepositoryAccess, id: number, text: string): Promise<boolean> {
  const comment = await unlessGone(
    access.get('/issues/comments/{comment_id}', { comment_id: id }, commentAnswer, ({ body }) => isText(body, text)),
  );
  return comment?.value ?? false;
}

async function remove(access: RepositoryAccess, id: number): Promise<void> {
  await unlessGone(access.write('DELETE /issues/comments/{comment_id}', { comment_id: id }, z.unknown()));
}

async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RefusedError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
}

function readCached(text: string | undefined): z.infer<typeof cachedComment> | undefined {
  if (text === undefined) return undefined;
  try {
    return cachedComment.parse(JSON.parse(text));
  } catch {
    // A cache written by another version: as good as none.
    return undefined;
  }
}

function isText(body: string | null | undefined, text: string): boolean {
  return withoutLineEndings(body ?? '') === withoutLineEndings(text);
}

/** GitHub may give back other line endings, and none at the end. */
function withoutLineEndings(text: string): string {
  return text.replaceAll('\r\n', '\n').trimEnd();
}
