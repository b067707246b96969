/**
 * What git has said about objects. Their ids stand for their content, so it stays true: each look at an unchanged pull request would
 * otherwise start four programs to hear the same again. Forgets what was asked for longest ago.
 */
export class ObjectMemory<T> {
  readonly #known = new Map<string, { readonly value: T; readonly size: number }>();
  readonly #maxSize: number;
  readonly #sizeOf: (value: T) => number;
  #size = 0;

  /** `sizeOf` says how much of `maxSize` a value takes, beside its key; in characters. */
  constructor(maxSize: number, sizeOf: (value: T) => number) {
    this.#maxSize = maxSize;
    this.#sizeOf = sizeOf;
  }

  /** What is known by this key, else what `read` gives, which is then known. */
  async recall(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    this.#forget(key);
    const value = known === undefined ? await read() : known.value;
    this.#forget(key);
    this.#keep(key, value);
    return value;
  }

  #keep(key: string, value: T): void {
    const size = key.length + this.#sizeOf(value);
    // One value shall not drive out all the others.
    if (size > this.#maxSize / 8) return;
    this.#known.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#known.keys()) {
      if (this.#size <= this.#maxSize) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#size -= this.#known.get(key)?.size ?? 0;
    this.#known.delete(key);
  }
}
