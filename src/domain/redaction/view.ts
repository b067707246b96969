/** A text read in another way, with the places in the original that its characters stand for. */
export interface View {
  readonly text: string;
  /** For each character of `text`: where in the original what it stands for begins, and where it ends. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** The text as it is; `offset` is where it begins in the original. */
export function viewOf(text: string, offset: number): View {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    starts[at] = offset + at;
    ends[at] = offset + at + 1;
  }
  return { text, starts, ends };
}

/** Gathers the characters of a view. */
export class ViewBuilder {
  readonly #codes: Uint16Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  #length = 0;
  #widest = 0;

  /** @param capacity how many characters there will be at most. */
  constructor(capacity: number) {
    this.#codes = new Uint16Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  add(code: number, start: number, end: number): void {
    this.#codes[this.#length] = code;
    this.#widest |= code;
    this.#starts[this.#length] = start;
    this.#ends[this.#length] = end;
    this.#length += 1;
  }

  view(): View {
    const codes = this.#codes.subarray(0, this.#length);
    const isNarrow = this.#widest < 0x100;
    const text = isNarrow
      ? Buffer.from(codes).toString('latin1')
      : Buffer.from(codes.buffer, 0, codes.byteLength).toString('utf16le');
    return { text, starts: this.#starts, ends: this.#ends };
  }
}
