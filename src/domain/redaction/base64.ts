import { type View, ViewBuilder } from './view.ts';

/** Eight bytes make eleven characters. */
const runs = /[A-Za-z0-9+/_-]{11,}/g;
const leastCharacters = 11;
const leastLength = 8;
/** Characters and bytes of one group. */
const [group, groupBytes] = [4, 3];

/** Takes a text, with its places in the view that it was found in. */
export type Found = (decoded: View) => void;

/**
 * Calls back with every text that base64 in the view stands for, in both alphabets. Where in a run the encoding begins is not
 * known, as words grow together when line ends are left out: so every start is tried, and what makes no text is left out.
 *
 * @param original what the view's places are places of.
 */
export function findBase64(view: View, original: string, found: Found): void {
  for (const run of view.text.matchAll(runs)) {
    const end = run.index + run[0].length;
    let from = run.index;
    for (let at = from + 1; at <= end; at += 1) {
      if (at < end && !isSpaceBefore(view, at, original)) continue;
      if (at - from >= leastCharacters) decode(view, from, at, found);
      from = at;
    }
  }
}

/** Base64 is wrapped, but its lines have no spaces. */
function isSpaceBefore({ starts, ends }: View, at: number, original: string): boolean {
  const from = ends[at - 1] ?? 0;
  const to = starts[at] ?? 0;
  if (to <= from) return false;
  const gap = original.slice(from, to);
  return gap.includes(' ') && !gap.includes('\n');
}

function decode(view: View, from: number, to: number, found: Found): void {
  for (let shift = 0; shift < group; shift += 1) {
    decodedTexts(Buffer.from(view.text.slice(from + shift, to), 'base64'), from + shift, to, found);
  }
}

function decodedTexts(bytes: Buffer, offset: number, end: number, found: Found): void {
  for (let from = 0; from < bytes.length; from += 1) {
    if (!isText(bytes[from] ?? 0)) continue;
    let to = from + 1;
    while (to < bytes.length && isText(bytes[to] ?? 0)) to += 1;
    if (to - from >= leastLength) {
      const built = new ViewBuilder(to - from);
      for (let at = from; at < to; at += 1) {
        // A byte's bits are in two characters.
        const first = offset + Math.floor((at * group) / groupBytes);
        built.add(bytes[at] ?? 0, first, Math.min(first + 2, end));
      }
      found(built.view());
    }
    from = to;
  }
}

function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d);
}
