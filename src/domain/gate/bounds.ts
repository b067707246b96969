/** That what is to be looked at is plain data, and not more of it than can be looked at. */
import type { Json } from '../json.ts';
import { pathOf, type Refuse } from './place.ts';
import { quoted } from './refusals.ts';

export const maxObjects = 1_000;
const maxDepth = 64;
/** Of all objects together; what is reached twice through aliases counts twice. */
const maxValues = 100_000;

/** Counts the values of one chart. */
export interface Budget {
  left: number;
}

export function newBudget(): Budget {
  return { left: maxValues };
}

/**
 * Refuses what no JSON text says, names that some parsers take for something else, and too much of anything.
 * @returns whether it is plain, so that it can be read.
 */
export function isPlain(root: unknown, budget: Budget, refuse: Refuse): root is Json {
  let plain = true;
  const bad = (visit: Visit, rule: string) => {
    plain = false;
    refuse(pathTo(visit), rule);
  };
  // A stack of our own: nothing that a stranger writes decides how deep we call.
  const stack: Visit[] = [{ value: root, step: '', parent: undefined, depth: 0 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { value, depth } = visit;
    budget.left -= 1;
    if (budget.left < 0) {
      bad(visit, `the chart has more than ${maxValues} values`);
      return false;
    }
    if (value === null || typeof value === 'string' || typeof value === 'boolean') continue;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) bad(visit, 'must be a finite number');
      continue;
    }
    if (typeof value !== 'object' || !isPlainObject(value)) {
      bad(visit, 'must be plain data');
      continue;
    }
    if (depth >= maxDepth) {
      bad(visit, `is nested more than ${maxDepth} levels deep`);
      return false;
    }
    const isList = Array.isArray(value);
    for (const [name, member] of Object.entries(value)) {
      const next = { value: member, step: isList ? Number(name) : name, parent: visit, depth: depth + 1 };
      if (forbiddenNames.has(name)) bad(next, `the name ${quoted(name)} may not be used`);
      stack.push(next);
    }
  }
  return plain;
}

interface Visit {
  readonly value: unknown;
  readonly step: string | number;
  readonly parent: Visit | undefined;
  readonly depth: number;
}

function pathTo({ step, parent }: Visit): string {
  if (parent === undefined) return '';
  return typeof step === 'number' ? `${pathTo(parent)}[${step}]` : pathOf(pathTo(parent), step);
}

/** Helm's YAML merges `<<` where YAML 1.2 does not; the others are no names of anything, and prototypes in JavaScript. */
const forbiddenNames: ReadonlySet<string> = new Set(['<<', '__proto__']);

function isPlainObject(value: object): boolean {
  // Reading is safe only where nothing computes what is read.
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  if (Array.isArray(value)) return Object.keys(value).length === value.length;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
