/** What Helm says about values that do not fit a chart's schema, as a person would say it. Pure. */
import { nearestWord } from '../../domain/nearest-word.ts';

/**
 * One phrase for each problem, in Helm's order: "`apps.web` has no key `prot` (did you mean `port`?)". Its lines are
 * `- at '/apps/web': additional properties 'prot' not allowed`. Source: github.com/santhosh-tekuri/jsonschema, `kind`
 * @param known Keys that the schema has anywhere, for suggestions.
 */
export function schemaProblems(said: string, known: Iterable<string>): readonly string[] {
  const keys = [...known];
  return said.split('\n').flatMap((line) => {
    const [, pointer, problem] = /^\s*- at '([^']*)': (.*)$/.exec(line) ?? [];
    if (pointer === undefined || problem === undefined) return [];
    // Headlines of what the next lines say in detail.
    if (problem === 'validation failed' || problem.startsWith('invalid propertyName')) return [];
    const place = placeOf(pointer);
    const additional = /^additional properties (.*) not allowed$/.exec(problem)?.[1];
    if (additional !== undefined) return quotedIn(additional).map((key) => unknown(place, key, keys));
    const missing = /^missing propert(?:y|ies) (.*)$/.exec(problem)?.[1];
    if (missing !== undefined) return quotedIn(missing).map((key) => `${place} lacks \`${key}\``);
    return [`${place}: ${problem}`];
  });
}

/** Every key that a JSON Schema names; none when the text is no such thing. */
export function keysOfSchema(text: string): ReadonlySet<string> {
  const keys = new Set<string>();
  const open: unknown[] = [parsed(text)];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      if (key === 'properties' && typeof child === 'object' && child !== null) {
        for (const name of Object.keys(child)) keys.add(name);
      }
      open.push(child);
    }
  }
  return keys;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Helm has said what it thinks of it.
    return undefined;
  }
}

function unknown(place: string, key: string, keys: readonly string[]): string {
  const meant = nearestWord(key, keys);
  return `${place} has no key \`${key}\`${meant === undefined ? '' : ` (did you mean \`${meant}\`?)`}`;
}

/** A JSON pointer as the path that people write. */
function placeOf(pointer: string): string {
  const path = pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
  return path === '' ? '`values`' : `\`${path}\``;
}

function quotedIn(text: string): readonly string[] {
  return [...text.matchAll(/'([^']*)'/g)].map(([, word = '']) => word);
}
