import type { Redaction } from '../ports.ts';

/** Lines are redacted in batches: a pass over each alone would look at what surrounds it again and again. */
const linesPerPass = 100;
/** More than a credential takes that was split over short lines, with what BuildKit puts before them. */
const surroundings = 8 * 1024;

/**
 * Redacts a log while it is written. A line is passed on when enough has followed it to be sure that no credential in it ends
 * later; lines before it are kept for those that began earlier.
 */
export class RedactedLines {
  readonly #redaction: Pick<Redaction, 'lines'>;
  readonly #onLine: (line: string) => void;
  #lines: string[] = [];
  /** How many of the lines were passed on; the rest waits. */
  #passed = 0;
  #waitingLength = 0;
  #sinceLastPass = 0;
  /** Lines of late, as they were, and what was made of them. */
  readonly #recent = new Map<string, string>();

  constructor(redaction: Pick<Redaction, 'lines'>, onLine: (line: string) => void) {
    this.#redaction = redaction;
    this.#onLine = onLine;
  }

  push(line: string): void {
    this.#lines.push(line);
    this.#waitingLength += line.length;
    this.#sinceLastPass += 1;
    if (this.#sinceLastPass >= linesPerPass || this.#waitingLength > 8 * surroundings) this.#pass(surroundings);
  }

  /** No more lines come: passes all of them on. */
  end(): void {
    this.#pass(0);
  }

  /** What was made of lines of this log that are shown elsewhere, without what stands before each in the log. */
  again(lines: readonly string[]): readonly string[] {
    const alone = this.#redaction.lines(lines);
    return lines.map((line, index) => this.#recent.get(line) ?? alone[index] ?? '');
  }

  /** @param keptBack so many characters at the end wait for what follows. */
  #pass(keptBack: number): void {
    this.#sinceLastPass = 0;
    let to = this.#lines.length;
    let kept = 0;
    while (to > this.#passed && kept < keptBack) {
      to -= 1;
      kept += (this.#lines[to] ?? '').length;
    }
    const lines = this.#redaction.lines(this.#lines);
    for (let at = this.#passed; at < to; at += 1) {
      const line = lines[at] ?? '';
      this.#remember(this.#lines[at] ?? '', line);
      this.#onLine(line);
    }
    this.#passed = to;
    this.#waitingLength = kept;
    let from = to;
    for (let before = 0; from > 0 && before < surroundings; from -= 1) before += (this.#lines[from - 1] ?? '').length;
    this.#lines = this.#lines.slice(from);
    this.#passed -= from;
  }

  #remember(line: string, made: string): void {
    if (line === made) return;
    const prefix = /^#\d+ /.exec(line)?.[0].length ?? 0;
    this.#recent.set(line.slice(prefix), made.slice(prefix));
    const [oldest] = this.#recent.size > linesPerPass ? this.#recent.keys() : [];
    if (oldest !== undefined) this.#recent.delete(oldest);
  }
}
