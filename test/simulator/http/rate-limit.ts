interface Window {
  used: number;
  resetsAt: number;
}

/** The primary rate limit: so many requests an hour for each installation, and for the app itself. */
export class RateLimit {
  readonly #windows = new Map<string, Window>();
  readonly #now: () => Date;
  limit: number;

  constructor(now: () => Date, limit: number) {
    this.#now = now;
    this.limit = limit;
  }

  /** Counts a request; false when none was left. */
  take(key: string): boolean {
    const window = this.#window(key);
    if (window.used >= this.limit) return false;
    window.used += 1;
    return true;
  }

  /** Gives a request back, as GitHub does for answers with 304. */
  refund(key: string): void {
    const window = this.#window(key);
    window.used = Math.max(0, window.used - 1);
  }

  used(key: string): number {
    return this.#window(key).used;
  }

  state(key: string) {
    const { used, resetsAt } = this.#window(key);
    return { limit: this.limit, used, remaining: Math.max(0, this.limit - used), reset: resetsAt };
  }

  headers(key: string): Record<string, string> {
    const { limit, used, remaining, reset } = this.state(key);
    return {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-used': String(used),
      'x-ratelimit-reset': String(reset),
      'x-ratelimit-resource': 'core',
    };
  }

  #window(key: string): Window {
    const now = Math.floor(this.#now().getTime() / 1000);
    let window = this.#windows.get(key);
    if (!window || window.resetsAt <= now) this.#windows.set(key, (window = { used: 0, resetsAt: now + 3600 }));
    return window;
  }
}
