import { tokenEnd } from './token-end.ts';
import type { View } from './view.ts';

/** A JSON document in base64 begins with `{"`. */
const documentStart = 'eyJ';
const leastLength = 10;
const characters = /[\w-]/;

/**
 * Calls back for each JSON Web Token: three parts with dots between them, the first a JSON document. Service accounts have
 * such tokens, and many others.
 */
export function findWebTokens(view: View, found: (from: number, to: number) => void): void {
  const { text } = view;
  if (!text.includes(documentStart)) return;
  // Without the dots in the pattern, each run is matched at once: one that has none would be tried from each of its characters.
  for (const run of text.matchAll(/[\w.-]+/g)) {
    const parts = run[0].split('.');
    let at = run.index;
    for (let index = 0; index + 2 < parts.length; index += 1) {
      const [header = '', payload = '', signature = ''] = parts.slice(index, index + 3);
      const begin = header.indexOf(documentStart);
      const isToken = begin >= 0 && header.length - begin >= leastLength && payload.length >= leastLength;
      if (isToken && signature.length >= leastLength) {
        const least = at + header.length + 1 + payload.length + 1 + leastLength;
        const from = at + begin;
        found(from, tokenEnd(view, from, least, characters));
      }
      at += header.length + 1;
    }
  }
}
