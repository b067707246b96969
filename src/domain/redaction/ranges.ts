/** The places of a text that are left out. */
import type { View } from './view.ts';

const replacement = '[redacted]';

/** From, inclusive, and to, exclusive. */
export type Range = readonly [from: number, to: number];

/**
 * The places in the original of a part of a view, one for each line: what stands between them, such as line ends and what
 * stands before a line, stays.
 */
export function rangesOf(view: View, from: number, to: number, original: string): readonly Range[] {
  const ranges: Range[] = [];
  let start = view.starts[from] ?? 0;
  let end = start;
  for (let at = from; at < to; at += 1) {
    const next = view.starts[at] ?? 0;
    const nextEnd = view.ends[at] ?? 0;
    if (next > end && hasLineEnd(original, end, next)) {
      ranges.push([start, end]);
      start = next;
    }
    // An escape that was split itself.
    const lineEnd = nextEnd - next > 1 ? original.slice(next, nextEnd).indexOf('\n') : -1;
    if (lineEnd >= 0) {
      ranges.push([start, next + lineEnd]);
      start = next + lineEnd + 1;
    }
    end = Math.max(end, nextEnd);
  }
  ranges.push([start, end]);
  return ranges;
}

/** Sorted, none touching another, none across the end of a line. */
export function merged(ranges: readonly Range[]): readonly Range[] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** The text from `start` to `end`, without what the ranges say. */
export function without(text: string, ranges: readonly Range[], start: number, end: number): string {
  let result = '';
  let at = start;
  for (const [from, to] of ranges) {
    if (to <= start || from >= end) continue;
    result += text.slice(at, Math.max(at, from)) + replacement;
    at = Math.min(Math.max(at, to), end);
  }
  return result + text.slice(at, end);
}

function hasLineEnd(text: string, from: number, to: number): boolean {
  return text.slice(from, to).includes('\n');
}
