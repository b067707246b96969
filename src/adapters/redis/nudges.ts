/** Passes triggers on to the handler; one that comes before it listens is kept for it. */
export class Nudges {
  readonly #callbacks: (() => void)[] = [];
  #isPending = false;

  add(): void {
    if (this.#callbacks.length === 0) this.#isPending = true;
    for (const callback of this.#callbacks) callback();
  }

  listen(callback: () => void): void {
    this.#callbacks.push(callback);
    if (this.#isPending) queueMicrotask(callback);
    this.#isPending = false;
  }
}
