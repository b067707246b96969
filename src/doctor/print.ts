/** Findings as people and as machines read them. */
import type { Level } from './finding.ts';
import type { Found } from './run-checks.ts';

const colours: Readonly<Record<Level, number>> = { ok: 32, note: 2, warning: 33, problem: 31 };
const checkWidth = 13;
const levelWidth = 9;

/**
 * One line for what was seen, and one for what to do about it.
 * @param before the finding above: what is to be done is not said twice in a row.
 */
export function textOf(found: Found, before: Found | undefined, inColour: boolean): string {
  const paint = (code: number, text: string) => (inColour ? `\u001B[${code}m${text}\u001B[0m` : text);
  const level = paint(colours[found.level], found.level.padEnd(levelWidth));
  const line = `${level}${found.check.padEnd(checkWidth)}${oneLine(found.seen)}`;
  if (!('todo' in found)) return line;
  const isSaid = before !== undefined && 'todo' in before && before.todo === found.todo;
  if (isSaid) return line;
  return `${line}\n${' '.repeat(levelWidth + checkWidth)}→ ${oneLine(found.todo)}`;
}

/** The last line: how it stands as a whole. */
export function summaryOf(all: readonly Found[]): string {
  const problems = all.filter(({ level }) => level === 'problem').length;
  const warnings = all.filter(({ level }) => level === 'warning').length;
  if (problems === 0)
    return warnings === 0 ? 'Berth can run here.' : `Berth can run here, with ${count(warnings, 'warning')}.`;
  return `Berth cannot run here yet: ${count(problems, 'problem')}${warnings === 0 ? '' : `, ${count(warnings, 'warning')}`}.`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** What others say may hold line breaks and worse: a terminal must not obey it. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
/** One finding as JSON, without a line break. */
export function jsonOf({ check, ...finding }: Found): string {
  return JSON.stringify({ check, ...finding });
}
