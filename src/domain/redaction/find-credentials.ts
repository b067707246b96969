import { findBase64 } from './base64.ts';
import { findNamedCredentials } from './named-credentials.ts';
import type { Needles } from './needles.ts';
import { findPrivateKeys } from './private-keys.ts';
import { merged, type Range, rangesOf } from './ranges.ts';
import { squeezed } from './squeezed.ts';
import { findTokens } from './token-shapes.ts';
import { unescaped } from './unescaped.ts';
import { type View, viewOf } from './view.ts';
import { findWebTokens } from './web-tokens.ts';

/** A text is looked at in blocks of this many characters, with some of what stands before and after each. */
const blockLength = 128 * 1024;
/** More than a private key or a token with all its encodings takes. */
const surroundings = 16 * 1024;
/** Base64 in base64 is what Kubernetes makes of Docker's configuration; escapes in escapes are JSON in JSON. */
const deepestBase64 = 2;
const deepestEscapes = 3;

/**
 * The places of credentials in the text: needles and tokens of known shapes, as they are, escaped, in base64, and all of that
 * split over lines. Sorted; none crosses the end of a line. The time grows with the length of the text and nothing else.
 */
export function findCredentials(text: string, needles: Needles): readonly Range[] {
  const all: Range[] = [];
  for (let from = 0; from < text.length; from += blockLength) {
    const to = Math.min(from + blockLength, text.length);
    const first = Math.max(0, from - surroundings);
    const block = text.slice(first, to + surroundings);
    for (const [begin, end] of search(block, needles)) {
      const range: Range = [Math.max(first + begin, from), Math.min(first + end, to)];
      if (range[0] < range[1]) all.push(range);
    }
  }
  return merged(all);
}

function search(block: string, needles: Needles): readonly Range[] {
  const found: Range[] = [];
  searchIn(viewOf(block, 0), block, needles, 0, (range) => void found.push(range));
  return merged(found);
}

/** Calls back with places in the original of the view. */
function searchIn(view: View, original: string, needles: Needles, depth: number, found: (range: Range) => void): void {
  const take = (where: View, from: number, to: number) => {
    for (const range of rangesOf(where, from, to, original)) found(range);
  };
  findNamedCredentials(view.text, (from, to) => take(view, from, to));
  let read: View | undefined = squeezed(view);
  for (let escapes = 0; read && escapes <= deepestEscapes; escapes += 1) {
    const current: View = read;
    const takeHere = (from: number, to: number) => take(current, from, to);
    needles.find(current.text, takeHere);
    findTokens(current, takeHere);
    findWebTokens(current, takeHere);
    findPrivateKeys(current, takeHere);
    if (depth < deepestBase64) {
      findBase64(current, original, (decoded) => {
        searchIn(decoded, current.text, needles, depth + 1, ([from, to]) => takeHere(from, to));
      });
    }
    read = unescaped(current);
  }
}
