/** Tokens that are known by how they look. */
import { isGap, tokenEnd } from './token-end.ts';
import type { View } from './view.ts';

interface Shape {
  /** How they begin. */
  readonly prefix: string;
  /** What they consist of after that, as a class of a regular expression. */
  readonly characters: string;
  /** How many of these there are at least. */
  readonly least: number;
  /** How many there are, where that is always the same. */
  readonly exactly?: true;
  /** Only where a word begins: the prefix is too common otherwise. */
  readonly isWord?: true;
}

// Sources: docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github,
// docs.gitlab.com/security/tokens, docs.stripe.com/keys, docs.slack.dev/authentication/tokens, docs.npmjs.com/about-access-tokens,
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, warehouse.pypa.io, docs.docker.com/security
const shapes: readonly Shape[] = [
  { prefix: 'github_pat_', characters: '\\w', least: 22 },
  // Since 2026 those of installations may be signed documents of some hundred characters, with dots and dashes.
  { prefix: 'gh[pousr]_', characters: '[\\w.-]', least: 30 },
  { prefix: 'gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|wt)-', characters: '[\\w.-]', least: 20 },
  { prefix: 'npm_', characters: '[A-Za-z0-9]', least: 36, exactly: true },
  { prefix: 'pypi-AgE', characters: '[\\w-]', least: 40 },
  { prefix: 'dckr_(?:pat|oat)_', characters: '[\\w-]', least: 20 },
  { prefix: 'xox[abcdeoprs]-', characters: '[A-Za-z0-9-]', least: 10 },
  { prefix: 'xapp-', characters: '[A-Za-z0-9-]', least: 20 },
  { prefix: 'hooks\\.slack\\.com/(?:services|workflows|triggers)/', characters: '[\\w/+-]', least: 16 },
  { prefix: '[rs]k_(?:live|test)_', characters: '[A-Za-z0-9]', least: 16 },
  { prefix: 'whsec_', characters: '[A-Za-z0-9+/=]', least: 16 },
  { prefix: 'AIza', characters: '[\\w-]', least: 35, exactly: true, isWord: true },
  { prefix: 'ya29\\.', characters: '[\\w.-]', least: 20, isWord: true },
  { prefix: 'GOCSPX-', characters: '[\\w-]', least: 20 },
  { prefix: '1//0', characters: '[\\w-]', least: 30, isWord: true },
  { prefix: '(?:AKIA|ASIA|ABIA|ACCA)', characters: '[A-Z0-9]', least: 16, exactly: true, isWord: true },
];

// What follows a prefix is of a length that is known: failing costs no more than that, and what matches is passed over.
const anyShape = new RegExp(
  shapes.map(({ prefix, characters, least }) => `(${prefix}${characters}{${least}})`).join('|'),
  'g',
);
const classes = shapes.map(({ characters }) => new RegExp(characters));

/** Calls back for each token of a known shape. */
export function findTokens(view: View, found: (from: number, to: number) => void): void {
  anyShape.lastIndex = 0;
  for (let match = anyShape.exec(view.text); match; match = anyShape.exec(view.text)) {
    const which = match.findIndex((group, index) => index > 0 && group !== undefined) - 1;
    const shape = shapes[which];
    const characters = classes[which];
    if (!shape || !characters) return;
    const from = match.index;
    const least = from + match[0].length;
    const isGlued = !isGap(view, from) && /\w/.test(view.text[from - 1] ?? '');
    const to = shape.exactly ? least : tokenEnd(view, from, least, characters);
    // A longer word that only begins alike.
    const goesOn = shape.exactly && !isGap(view, to) && characters.test(view.text[to] ?? '');
    if (goesOn || (shape.isWord && isGlued)) {
      anyShape.lastIndex = from + 1;
      continue;
    }
    found(from, to);
    anyShape.lastIndex = to;
  }
}
