/** Lets work on the same thing happen one after the other, in the order in which it was asked for. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does the work once all that was asked for before under this name has ended. Rejects at once when aborted while it waits. */
  async take<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const before = this.#last.get(name);
    const mine = (async () => {
      await before?.catch(() => undefined);
      signal.throwIfAborted();
      return work();
    })();
    this.#last.set(name, mine);
    const forget = () => {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    };
    void mine.then(forget, forget);
    if (before === undefined) return mine;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    // Work that has begun ends in its own time: whoever is next relies on that.
    void before.then(stopListening, stopListening);
    function stopListening(): void {
      signal.removeEventListener('abort', onAbort);
    }
    return Promise.race([mine, aborted]);
  }
}
