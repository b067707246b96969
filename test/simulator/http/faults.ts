import type { Answer } from './answer.ts';

interface FaultMatch {
  readonly method?: string;
  /**
   * A regular expression on the path below the API's root, or one of: the path itself, its template in GitHub's
   * description (`/repos/{owner}/{repo}/pulls`), the operation's id (`pulls/list`). Git's paths count as well.
   */
  readonly path?: RegExp | string;
}

export interface Fault {
  /** Left out: every request. */
  readonly match?: FaultMatch;
  /** How often it strikes; left out: until it is removed. */
  readonly times?: number;
  /** Waits before anything else happens. */
  readonly delayMs?: number;
  /** Waits for this, too: what a test does between a question and its answer. */
  readonly until?: Promise<unknown>;
  /** The answer's status; without it and without `dropConnection` or `change` the request is only delayed. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Closes the connection without an answer. */
  readonly dropConnection?: boolean;
  /** Does what was asked before failing. */
  readonly afterCommit?: boolean;
  /** Changes a right answer into another one. */
  readonly change?: (answer: Answer) => Answer;
}

export interface ActiveFault {
  readonly hits: number;
  remove(): void;
}

export interface Target {
  readonly method: string;
  readonly path: string;
  readonly template: string | undefined;
  readonly operation: string | undefined;
}

/** What goes wrong, and where. The first matching fault strikes; newer ones come first. */
export class Faults {
  readonly #active: { fault: Fault; hits: number }[] = [];
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  add(fault: Fault): ActiveFault {
    const entry = { fault, hits: 0 };
    this.#active.unshift(entry);
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => {
        const at = this.#active.indexOf(entry);
        if (at >= 0) this.#active.splice(at, 1);
      },
    };
  }

  clear(): void {
    this.#active.length = 0;
  }

  /** 403 with nothing remaining until the reset. */
  primaryRateLimit({
    resetInSeconds = 3600,
    ...where
  }: Pick<Fault, 'match' | 'times'> & { resetInSeconds?: number } = {}): ActiveFault {
    const reset = Math.floor(this.#now().getTime() / 1000) + resetInSeconds;
    const headers = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
    return this.add({ ...where, status: 403, headers, body: { message: 'API rate limit exceeded for installation.' } });
  }

  /** 403 for too much at once, with or without a hint when to come back. */
  secondaryRateLimit({
    retryAfterSeconds,
    ...where
  }: Pick<Fault, 'match' | 'times'> & { retryAfterSeconds?: number } = {}): ActiveFault {
    return this.add({
      ...where,
      status: 403,
      headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
      body: {
        message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
        documentation_url:
          'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
      },
    });
  }

  /** A list answers with nothing in it. */
  emptyPage(where: Pick<Fault, 'match' | 'times'>): ActiveFault {
    return this.add({ ...where, change: (answer) => shortened(answer, () => 0) });
  }

  /** A list answers with half of what it should hold, and without a word about further pages. */
  halfPage(where: Pick<Fault, 'match' | 'times'>): ActiveFault {
    return this.add({ ...where, change: (answer) => shortened(answer, (length) => Math.floor(length / 2)) });
  }

  /** A list says that its next page is on another host. */
  foreignLink({ origin, ...where }: Pick<Fault, 'match' | 'times'> & { origin: string }): ActiveFault {
    const link = `<${origin}/repositories/1/pulls?page=2>; rel="next"`;
    return this.add({ ...where, change: (answer) => ({ ...answer, headers: { ...answer.headers, link } }) });
  }

  /** The fault that strikes this request, counted. */
  strike(target: Target): Fault | undefined {
    const found = this.#active.find(
      ({ fault, hits }) => hits < (fault.times ?? Number.POSITIVE_INFINITY) && hit(fault, target),
    );
    if (found) found.hits += 1;
    return found?.fault;
  }
}

function hit({ match }: Fault, target: Target): boolean {
  if (match?.method !== undefined && match.method.toUpperCase() !== target.method) return false;
  if (match?.path === undefined) return true;
  if (match.path instanceof RegExp) return match.path.test(target.path);
  return [target.path, target.template, target.operation].includes(match.path);
}

function shortened(answer: Answer, keep: (length: number) => number): Answer {
  const { link: _, ...headers } = answer.headers ?? {};
  const cut = (list: readonly unknown[]) => list.slice(0, keep(list.length));
  if (Array.isArray(answer.body)) return { ...answer, headers, body: cut(answer.body) };
  const body = Object.entries(answer.body ?? {}).map(([name, value]: [string, unknown]) => [
    name,
    Array.isArray(value) ? cut(value) : value,
  ]);
  return { ...answer, headers, body: Object.fromEntries(body) };
}
