import { isGap } from './token-end.ts';
import type { View } from './view.ts';

const begin = /-----BEGIN[A-Z0-9]{0,30}PRIVATEKEY(?:BLOCK)?-----/g;
// Base64, and headers such as `DEK-Info: AES-128-CBC,…`. It stops where another block could begin.
const body = /(?:[A-Za-z0-9+/=:,]|-(?!-))*/y;
const end = /-----END[A-Z0-9]{0,30}PRIVATEKEY(?:BLOCK)?-----/y;
/** A line of a key that has no end: base64 only, of the usual width. */
const leastWidth = 40;

/** Calls back for each private key in PEM, as a whole; for one without an end, with the lines that look like one. */
export function findPrivateKeys(view: View, found: (from: number, to: number) => void): void {
  const { text } = view;
  if (!text.includes('PRIVATEKEY')) return;
  begin.lastIndex = 0;
  for (let match = begin.exec(text); match; match = begin.exec(text)) {
    const bodyFrom = begin.lastIndex;
    body.lastIndex = bodyFrom;
    body.test(text);
    const bodyTo = body.lastIndex;
    end.lastIndex = bodyTo;
    const to = end.test(text) ? end.lastIndex : lastFullLine(view, bodyFrom, bodyTo);
    found(match.index, to);
    begin.lastIndex = Math.max(to, bodyFrom);
  }
}

/** Where the last line ends that is as wide as those of a key, among those that follow each other. */
function lastFullLine(view: View, from: number, to: number): number {
  let lineFrom = from;
  for (let at = from; at < to; at += 1) {
    if (at === from || !isGap(view, at)) continue;
    if (at - lineFrom < leastWidth) return lineFrom;
    lineFrom = at;
  }
  return to - lineFrom < leastWidth ? lineFrom : to;
}
