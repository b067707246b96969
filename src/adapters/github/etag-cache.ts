/** The latest answers to GET requests: GitHub answers 304 when they still hold, and does not count the request. */

interface CachedAnswer {
  readonly etag: string;
  /** What was made of the answer, not the answer: a fraction of its size. */
  readonly value: unknown;
  readonly hasNext: boolean;
  readonly lastPage: number | undefined;
}

export interface EtagCache {
  get(key: string): CachedAnswer | undefined;
  set(key: string, answer: CachedAnswer): void;
}

/** Keeps the `size` answers that were used last. */
export function createEtagCache(size: number): EtagCache {
  // A map remembers the order of insertion: the first key is the one used longest ago.
  const answers = new Map<string, CachedAnswer>();
  return {
    get(key) {
      const answer = answers.get(key);
      if (answer) {
        answers.delete(key);
        answers.set(key, answer);
      }
      return answer;
    },
    set(key, answer) {
      answers.delete(key);
      answers.set(key, answer);
      const [oldest] = answers.keys();
      if (answers.size > size && oldest !== undefined) answers.delete(oldest);
    },
  };
}
