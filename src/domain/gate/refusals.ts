/** Collects why objects are refused. */
import { plainLine, shortened } from '../escape.ts';
import type { Refusal } from '../gate.ts';

/** More than anybody reads; keeps a hostile chart from filling memory and comments. */
export const maxRefusals = 200;

const maxObjectLength = 120;
const maxFieldLength = 240;
const maxRuleLength = 240;

export class Refusals {
  readonly #list: Refusal[] = [];
  readonly #seen = new Set<string>();

  /** In the order of `add`, at most `maxRefusals`. */
  get list(): readonly Refusal[] {
    return this.#list;
  }

  /**
   * Says it once, on one line, however often and in whatever characters it is said.
   * @throws EnoughError with the last one that is kept: nothing more needs to be looked at.
   */
  add(object: string, field: string, rule: string): void {
    const refusal = {
      object: bounded(object, maxObjectLength),
      field: bounded(field, maxFieldLength),
      rule: bounded(rule, maxRuleLength),
    };
    const key = JSON.stringify(refusal);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#list.push(refusal);
    if (this.#list.length >= maxRefusals) throw new EnoughError();
  }
}

/** There is as much to say as anybody reads. */
export class EnoughError extends Error {
  override readonly name = 'EnoughError';
}

/** A value of a stranger within a rule's sentence. */
export function quoted(text: string): string {
  return `"${bounded(text, 60)}"`;
}

function bounded(text: string, maxLength: number): string {
  // Cut first: what follows costs time for each character.
  return shortened(plainLine(text.slice(0, 4 * maxLength)), maxLength);
}
