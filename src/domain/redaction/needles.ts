/** Many texts looked for at once, in one pass over a view. */

/** Shortest text that can be looked for. */
export const shortestNeedle = 8;

interface Needle {
  readonly text: string;
  /** Where in it the piece is by which it is found. */
  readonly anchor: number;
  readonly hash: number;
  /** How often it was added. */
  count: number;
}

const base = 0x01000193;
/** Weight of the character that leaves the piece: base to the power of its length. */
const leaving = Array.from({ length: shortestNeedle }).reduce<number>((weight) => Math.imul(weight, base), 1);
const slots = 1 << 16;

/**
 * Each is found by a piece of eight characters, whose hash is carried along the text (Rabin and Karp's way): the time does
 * not depend on how many there are. What matches the piece is compared as a whole, and needles are short.
 */
export class Needles {
  readonly #byText = new Map<string, Needle>();
  readonly #byHash = new Map<number, Needle[]>();
  /** How many needles have a hash that falls there: most places of a text fall where there is none. */
  readonly #counts = new Uint16Array(slots);
  /** Comparisons of characters so far, for tests of how the work grows. */
  comparisons = 0;

  get size(): number {
    return this.#byText.size;
  }

  /** At least `shortestNeedle` characters. */
  add(text: string): void {
    const known = this.#byText.get(text);
    if (known) {
      known.count += 1;
      return;
    }
    const anchor = anchorOf(text);
    const needle: Needle = { text, anchor, hash: hashOf(text, anchor), count: 1 };
    this.#byText.set(text, needle);
    const others = this.#byHash.get(needle.hash);
    if (others) others.push(needle);
    else this.#byHash.set(needle.hash, [needle]);
    this.#count(needle.hash, 1);
  }

  /** Takes back one `add`. */
  remove(text: string): void {
    const needle = this.#byText.get(text);
    if (!needle) return;
    needle.count -= 1;
    if (needle.count > 0) return;
    this.#byText.delete(text);
    const others = (this.#byHash.get(needle.hash) ?? []).filter((other) => other !== needle);
    if (others.length > 0) this.#byHash.set(needle.hash, others);
    else this.#byHash.delete(needle.hash);
    this.#count(needle.hash, -1);
  }

  /** Calls back for each place at which one stands. */
  find(text: string, found: (from: number, to: number) => void): void {
    if (this.#byText.size === 0) return;
    let hash = 0;
    for (let at = 0; at < text.length; at += 1) {
      hash = Math.imul(hash, base) + text.charCodeAt(at);
      if (at >= shortestNeedle) hash -= Math.imul(text.charCodeAt(at - shortestNeedle), leaving);
      hash |= 0;
      if (at < shortestNeedle - 1 || this.#counts[slotOf(hash)] === 0) continue;
      for (const needle of this.#byHash.get(hash) ?? []) {
        const from = at - shortestNeedle + 1 - needle.anchor;
        if (this.#isAt(text, from, needle.text)) found(from, from + needle.text.length);
      }
    }
  }

  #isAt(text: string, from: number, needle: string): boolean {
    if (from < 0 || from + needle.length > text.length) return false;
    for (let at = 0; at < needle.length; at += 1) {
      this.comparisons += 1;
      if (text.charCodeAt(from + at) !== needle.charCodeAt(at)) return false;
    }
    return true;
  }

  #count(hash: number, by: number): void {
    const slot = slotOf(hash);
    this.#counts[slot] = (this.#counts[slot] ?? 0) + by;
  }
}

const variedEnough = 6;

/** The last piece that is varied, for many credentials begin alike and that is known to everybody; else the most varied. */
function anchorOf(text: string): number {
  let best = 0;
  let most = 0;
  for (let at = 0; at + shortestNeedle <= text.length; at += 1) {
    const different = Math.min(new Set(text.slice(at, at + shortestNeedle)).size, variedEnough);
    if (different >= most) [best, most] = [at, different];
  }
  return best;
}

function hashOf(text: string, from: number): number {
  let hash = 0;
  for (let at = from; at < from + shortestNeedle; at += 1) hash = (Math.imul(hash, base) + text.charCodeAt(at)) | 0;
  return hash;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & (slots - 1);
}
