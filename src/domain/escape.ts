/** Text of strangers, made harmless for the place where it is shown. */

/**
 * One line without what nobody sees: control characters, terminal colours, halves of characters, and the marks that change
 * the direction of text, hide in it or take no place, which could make it look like other text (CVE-2021-42574). The joiners
 * and selectors that scripts and emoji are written with stay, and so do letters that look alike.
 */
export function plainLine(text: string): string {
  return text
    .toWellFormed()
    .replace(ansiSequences, '')
    .replace(/[\t\r\n\u2028\u2029]+/g, ' ')
    .replace(invisible, '');
}

/** At most `maxLength` UTF-16 units, the last one an ellipsis when something was left out; no character is split. */
export function shortened(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const cut = text.slice(0, maxLength - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** Text for an HTML element's content or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => htmlEntities[character] ?? '');
}

/**
 * One line of GitHub-flavoured Markdown that shows the text as it is: no formatting, HTML, image, link or table cell,
 * nobody mentioned, no issue referenced. GitHub looks for mentions, references and bare links after rendering, where
 * backslashes are gone already: a zero-width space keeps those apart.
 */
export function escapeMarkdown(text: string): string {
  return plainLine(text)
    .trim()
    .replace(/[&<>]/g, (character) => htmlEntities[character] ?? '')
    .replace(/[\\`*_[\]#|~$]/g, '\\$&')
    .replace(/^(\s*)(\d{0,9})(?=[-+=.)])/, '$1$2\\')
    .replaceAll('@', `@${zeroWidthSpace}`)
    .replace(/\\#(?=\d)/g, `\\#${zeroWidthSpace}`)
    .replace(/\b(gh)-(?=\d)/gi, `$1${zeroWidthSpace}-`)
    .replaceAll('://', `:${zeroWidthSpace}//`)
    .replace(/\b(www)\./gi, `$1${zeroWidthSpace}.`);
}

/** A Markdown code span, fit for a table's cell too; GitHub renders nothing inside it. */
export function codeSpan(text: string): string {
  // Two backticks with nothing between them would begin a span that ends anywhere.
  const line = plainLine(text) || ' ';
  const ticks = '`'.repeat(longestRun(line) + 1);
  const padding = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${ticks}${padding}${line.replaceAll('|', '\\|')}${padding}${ticks}`;
}

/** A fenced Markdown block that no line can close: its fence is longer than any run of backticks inside. */
export function codeBlock(lines: readonly string[]): string {
  const cleaned = lines.map((line) => plainLine(line));
  const fence = '`'.repeat(Math.max(3, longestRun(cleaned.join('\n')) + 1));
  return [`${fence}text`, ...cleaned, fence].join('\n');
}

const zeroWidthSpace = '&#8203;';
// biome-ignore format: one line each
const htmlEntities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** CSI and OSC sequences, then any other escape. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const ansiSequences = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|.?)/g;
/**
 * Controls but line ends; soft hyphens; marks of direction; blanks of no width; what stands for annotations; tags, which
 * are a whole invisible alphabet (U+E0000 to U+E007F).
 */
const invisible =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFB]|\uDB40[\uDC00-\uDC7F]/g;

function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}
