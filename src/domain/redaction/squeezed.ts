import { type View, ViewBuilder } from './view.ts';

/** What BuildKit and log collectors put before each line: `#12 0.345 `, `2026-01-02T03:04:05.678Z `. */
const linePrefix = /(?:#\d{1,6} (?:\d{1,7}\.\d{1,6} )?)?(?:\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) )?/y;

/**
 * The text as one long word: without line ends and what stands before lines, spaces, control characters, terminal colours
 * and characters that nobody sees. What was split over several lines is in one piece.
 */
export function squeezed({ text, starts, ends }: View): View {
  const built = new ViewBuilder(text.length);
  let isLineStart = true;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (isLineStart && (code === hash || (code >= zero && code <= nine))) {
      linePrefix.lastIndex = at;
      isLineStart = false;
      if (linePrefix.test(text) && linePrefix.lastIndex > at) {
        at = linePrefix.lastIndex;
        continue;
      }
    }
    if (code === escape) {
      at = afterColour(text, at);
      continue;
    }
    isLineStart = code === lineFeed;
    const isContinued = code === backslash && /\r?\n/y.test(text.slice(at + 1, at + 3));
    if (!isBlank(code) && !isContinued) built.add(code, starts[at] ?? 0, ends[at] ?? 0);
    at += 1;
  }
  return built.view();
}

/** Whether it separates, or is not seen at all. */
export function isBlank(code: number): boolean {
  if (code < 0x7f) return code <= 0x20;
  return (
    (code >= 0x7f && code <= 0xa0) ||
    code === 0xad ||
    (code >= 0x2000 && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202f) ||
    (code >= 0x205f && code <= 0x206f) ||
    code === 0x3000 ||
    code === 0xfeff
  );
}

const [hash, zero, nine] = [0x23, 0x30, 0x39];
const escape = 0x1b;
const lineFeed = 0x0a;
const backslash = 0x5c;
const longestColour = 32;

/** Where the control sequence (`ESC [ … letter`) that begins at `at` has ended; any other escape is one character. */
function afterColour(text: string, at: number): number {
  if (text[at + 1] !== '[') return at + 1;
  for (let end = at + 2; end < text.length && end < at + longestColour; end += 1) {
    const code = text.charCodeAt(end);
    if (code >= 0x40 && code <= 0x7e) return end + 1;
    if (code < 0x20) return end;
  }
  return at + 2;
}
