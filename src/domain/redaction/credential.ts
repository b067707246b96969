/** What is looked for when a credential is held. */
import { shortestNeedle } from './needles.ts';
import { isBlank } from './squeezed.ts';
import { unescapedText } from './unescaped.ts';

const leastDifferent = 5;

/** Values of settings that say nothing, and that would be missed everywhere. */
const ordinaryWords = new Set(
  `administrator authorization changeit container database default development disabled document environment
  kubernetes localhost password postgres postgresql preproduction production redacted registry required
  service-account serviceaccount true-false undefined username x-access-token`.split(/\s+/),
);

/** Whether a text is worth being looked for: a short or simple one would hit everything. */
function isHoldable(text: string): boolean {
  if (text.length < shortestNeedle || new Set(text).size < leastDifferent) return false;
  // Addresses of machines, and numbers with dots such as versions.
  if (/^[\d.:]{1,21}$/.test(text) && /[.:]/.test(text)) return false;
  return !ordinaryWords.has(text.toLowerCase());
}

/**
 * The parts of a credential that are credentials themselves: each line of a private key, each value of a document, the
 * password of a URL.
 */
export function partsOf(credential: string): readonly string[] {
  const trimmed = credential.trim();
  // Keys are handed around with their line ends written as `\n`, too.
  const lines = trimmed.split(/\r?\n|\\n/).map((line) => line.trim());
  const parts = new Set<string>();
  for (const line of lines) {
    if (line.startsWith('-----')) continue;
    parts.add(line);
    const value = lines.length > 1 ? /^[\w.-]{1,100}\s{0,3}[=:]\s{0,3}["']?(.+?)["']?$/.exec(line)?.[1] : undefined;
    if (value !== undefined) parts.add(value);
  }
  for (const value of [...documentValues(trimmed), ...passwordsIn(trimmed)]) parts.add(value);
  return [...parts].filter(isHoldable);
}

/** Longer ones are looked for piece by piece, so that a part of it is found as well. */
const pieceLength = 32;

/** The texts to look for in order to find a part: pieces, as they are and in hexadecimal digits. */
export function needlesOf(part: string): readonly string[] {
  const needles = new Set<string>();
  for (const piece of piecesOf(part)) {
    const bytes = Buffer.from(piece, 'utf8');
    const hex = bytes.toString('hex');
    const forms = [piece, unescapedText(piece), piece.replaceAll(' ', '+'), hex, hex.toUpperCase()];
    // What base64 stands for is only looked at where it is plain text; the bytes behind `%C3%BC` are read one by one.
    if (bytes.length !== piece.length) forms.push(bytes.toString('latin1'), ...base64Of(bytes));
    for (const form of forms) {
      const needle = withoutBlanks(form);
      if (needle.length >= shortestNeedle) needles.add(needle);
    }
  }
  return [...needles];
}

/** The characters of its base64 that depend on nothing but it, wherever in a text it stands, in both alphabets. */
function base64Of(bytes: Buffer): readonly string[] {
  const forms: string[] = [];
  for (const [before, depending] of [
    [0, 0],
    [1, 2],
    [2, 3],
  ] as const) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const core = encoded.slice(depending, Math.floor(((before + bytes.length) * 8) / 6));
    forms.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

function piecesOf(part: string): readonly string[] {
  if (part.length <= pieceLength) return [part];
  const pieces: string[] = [];
  for (let from = 0; from + pieceLength < part.length; from += pieceLength)
    pieces.push(part.slice(from, from + pieceLength));
  pieces.push(part.slice(-pieceLength));
  // What is simple in itself hides nothing.
  return pieces.filter((piece) => new Set(piece).size >= leastDifferent);
}

function withoutBlanks(text: string): string {
  let kept = '';
  for (let at = 0; at < text.length; at += 1) if (!isBlank(text.charCodeAt(at))) kept += text[at];
  return kept;
}

const maxValues = 1_000;

/** The texts in a JSON document, such as a service account's key. */
function documentValues(text: string): readonly string[] {
  if (!/^[[{]/.test(text)) return [];
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // It only looks like one.
    return [];
  }
  const values: string[] = [];
  const ahead: unknown[] = [document];
  while (ahead.length > 0 && values.length < maxValues) {
    const value = ahead.pop();
    if (typeof value === 'string') values.push(...value.split('\n'));
    else if (typeof value === 'object' && value !== null) ahead.push(...Object.values(value));
  }
  return values.filter((value) => !value.startsWith('-----'));
}

function passwordsIn(text: string): readonly string[] {
  const password = /^[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/?#:@]{0,500}:([^\s/?#@]{1,2000})@/i.exec(text)?.[1];
  if (password === undefined) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    // It has a percent sign of its own.
    return [password];
  }
}
