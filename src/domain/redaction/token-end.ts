import type { View } from './view.ts';

/** Whether something of the original is missing before the character at `at`, such as a space; so it is at both ends. */
export function isGap({ text, starts, ends }: View, at: number): boolean {
  return at === 0 || at >= text.length || (starts[at] ?? 0) > (ends[at - 1] ?? 0);
}

/**
 * Where a token ends of which `least` is known to be part: at the first character of another kind, and at the first gap in
 * the original. A line end is no gap where the token seems to have been wrapped: all its lines but the last are full, and the
 * second is a long one.
 *
 * @param from where it begins.
 */
export function tokenEnd(view: View, from: number, least: number, characters: RegExp): number {
  const { text } = view;
  let lineFrom = from;
  // Lines that it has filled so far; the first may have begun with something else.
  let width: number | undefined;
  for (let at = from + 1; at < least; at += 1) {
    if (!isGap(view, at)) continue;
    if (lineFrom > from || width === undefined) width = Math.max(width ?? 0, at - lineFrom);
    lineFrom = at;
  }
  let at = least;
  for (; at < text.length && characters.test(text[at] ?? ''); at += 1) {
    if (!isGap(view, at)) continue;
    const isFull = width === undefined ? isLongerLine(view, at, at - lineFrom, characters) : at - lineFrom >= width;
    if (!isFull) return at;
    width = Math.max(width ?? leastLine, at - lineFrom);
    lineFrom = at;
  }
  return at;
}

const leastLine = 16;

/** Whether what follows until the next gap could all be a token, and is not shorter than what was before. */
function isLongerLine(view: View, from: number, before: number, characters: RegExp): boolean {
  const least = Math.max(leastLine, before);
  let at = from;
  do {
    if (!characters.test(view.text[at] ?? '')) return false;
    at += 1;
  } while (!isGap(view, at) && at - from <= least);
  return at - from >= least;
}
