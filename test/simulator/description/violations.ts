export interface Violation {
  readonly at: Date;
  readonly kind: 'request' | 'answer' | 'delivery' | 'route';
  /** The operation, route or event it is about. */
  readonly about: string;
  readonly message: string;
}

/** Collects what did not follow GitHub's description. A violation nobody expected fails the test at `assertNone`. */
export class Violations {
  readonly #found: Violation[] = [];
  readonly #expected: RegExp[] = [];

  get all(): readonly Violation[] {
    return this.#found;
  }

  add(violation: Omit<Violation, 'at'>): void {
    this.#found.push({ at: new Date(), ...violation });
  }

  /** Announces that some violation, past or future, will match; any number of matches is fine, none is an error. */
  expect(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  /** Throws an AggregateError of everything unexpected, and of every expectation nothing met. */
  assertNone(): void {
    const unexpected = this.#found.filter(
      (violation) => !this.#expected.some((pattern) => pattern.test(line(violation))),
    );
    const unmet = this.#expected.filter((pattern) => !this.#found.some((violation) => pattern.test(line(violation))));
    const errors = [
      ...unexpected.map((violation) => new Error(line(violation))),
      ...unmet.map((pattern) => new Error(`expected a violation matching ${pattern}, and there was none`)),
    ];
    if (errors.length === 0) return;
    const lines = errors.map((error) => `  - ${error.message}`).join('\n');
    throw new AggregateError(errors, `against GitHub's API description:\n${lines}`);
  }
}

function line(violation: Violation): string {
  return `${violation.kind} ${violation.about}: ${violation.message}`;
}
