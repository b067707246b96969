import { isBlank } from './squeezed.ts';
import { type View, ViewBuilder } from './view.ts';

// Of URLs, of JSON and of source code, of HTML. Each alternative has a bounded length.
const escapes =
  /%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\u\{[0-9a-f]{1,6}\}|\\x[0-9a-f]{2}|\\[^\da-z]|\\[abefnrtv]|&#\d{1,7};|&#x[0-9a-f]{1,6};|&(?:amp|lt|gt|quot|apos|nbsp);/gi;

const named: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&nbsp;': '',
};

/** The same with every escape replaced by what it stands for; `undefined` when there is none. What separates is left out. */
export function unescaped(view: View): View | undefined {
  const { text, starts, ends } = view;
  if (!/[%\\&]/.test(text)) return undefined;
  let built: ViewBuilder | undefined;
  let copied = 0;
  const copyUntil = (to: number, builder: ViewBuilder) => {
    for (; copied < to; copied += 1) builder.add(text.charCodeAt(copied), starts[copied] ?? 0, ends[copied] ?? 0);
  };
  for (const match of text.matchAll(escapes)) {
    const meaning = meaningOf(match[0]);
    const last = match.index + match[0].length - 1;
    built ??= new ViewBuilder(text.length);
    copyUntil(match.index, built);
    copied = last + 1;
    for (let at = 0; at < meaning.length; at += 1) {
      const code = meaning.charCodeAt(at);
      if (!isBlank(code)) built.add(code, starts[match.index] ?? 0, ends[last] ?? 0);
    }
  }
  if (!built) return undefined;
  copyUntil(text.length, built);
  return built.view();
}

/** A text with its escapes replaced, once. */
export function unescapedText(text: string): string {
  return text.replace(escapes, meaningOf);
}

function meaningOf(escape: string): string {
  switch (escape[0]) {
    case '%':
      return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    case '&':
      if (escape[1] !== '#') return named[escape.toLowerCase()] ?? '';
      return character(
        /^&#x/i.test(escape) ? Number.parseInt(escape.slice(3), 16) : Number.parseInt(escape.slice(2), 10),
      );
    default:
      if (/^\\[ux]/i.test(escape)) return character(Number.parseInt(escape.replace(/[^0-9a-f]/gi, ''), 16));
      // Line ends and the like separate.
      return /^\\[a-z]$/i.test(escape) ? '' : escape.slice(1);
  }
}

function character(codePoint: number): string {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : '';
}
