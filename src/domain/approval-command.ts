/**
 * The command by which a person lets a fork's revision run. Strict: whoever approves must have named one revision, in full,
 * in words of their own, and in nothing that could be a quotation or an example.
 */

/** What a comment says to us. */
export type ApprovalCommand =
  | { readonly kind: 'none' }
  | { readonly kind: 'approve'; readonly revision: string }
  /** Somebody tried. `why` continues "the command was not taken: ". */
  | { readonly kind: 'misunderstood'; readonly why: string };

/** What has to be written so that this revision may run. */
export function approvalCommand(revision: string): string {
  return `/preview approve ${revision}`;
}

/**
 * Understands a comment, in a time that grows with its length only.
 * @param body all of it, as it was written.
 */
export function approvalCommandOf(body: string): ApprovalCommand {
  const text = body.trim();
  const [, revision] = exactly.exec(text) ?? [];
  // Four blanks or a tab make a code block of the first line.
  const isIndented = / {4}|\t/.test(body.slice(0, body.indexOf(text)));
  if (revision !== undefined && !isIndented) return { kind: 'approve', revision };
  const attempts = attemptsIn(text);
  const why = attempts === 0 ? undefined : isIndented ? inCode : attempts > 1 ? several : complaintAbout(text);
  return why === undefined ? { kind: 'none' } : { kind: 'misunderstood', why };
}

const exactly = /^\/preview approve ([0-9a-f]{40})$/;
/** Lines that begin with a command, quoted, in code or in a list though they may be. */
const atLineStart = /^[ \t>`*_~+-]{0,20}\/preview(?![\w./-])/gim;
/** And the one command there is, wherever it stands. */
const anywhere = /\/preview[ \t]{1,20}approve(?!\w)/gi;

const inCode = 'it is quoted or shown as code';
const several = 'its comment holds more than one';

/** How often somebody may have meant to command something. */
function attemptsIn(text: string): number {
  const starts = new Set<number>();
  for (const pattern of [atLineStart, anywhere]) {
    for (const { index, 0: match } of text.matchAll(pattern))
      starts.add(index + match.toLowerCase().indexOf('/preview'));
  }
  return starts.size;
}

/** Why a text with one attempt is not the command. */
function complaintAbout(text: string): string {
  if (/[`>]|~~~/.test(text)) return inCode;
  const [slash = '', word = '', revision = '', ...others] = text.split(/\s+/, 4);
  if (slash.toLowerCase() !== '/preview' || others.length > 0) return 'it has other text around it';
  if (word.toLowerCase() !== 'approve') return 'there is no such command';
  if (revision === '') return 'it names no revision';
  if (!/^[0-9a-f]+$/i.test(revision) || revision.length > 40) return 'what it names is not a revision';
  if (revision.length < 40) return 'it must name all 40 digits of the revision';
  return text === text.toLowerCase() ? 'it has blanks that do not belong there' : 'it must be written in lower case';
}
