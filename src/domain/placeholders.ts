/**
 * `${images.web}` and the like in the manifest. They are replaced in parsed scalars, never in text, so that no value can
 * add structure. `$${` stands for a literal `${`.
 */
import type { Json, JsonObject } from './json.ts';
import type { DataPath } from './positioned-yaml.ts';

/** Names that say something about every preview, whatever its images and routes. */
export const plainPlaceholders = ['sha', 'shortSha', 'number', 'branch', 'namespace', 'release'] as const;

const grammar = /\$\$\{|\$\{([^}]*)(\}?)/g;

/** One `${…}` of a text; `name` is what the braces hold. */
export interface Placeholder {
  readonly name: string;
  /** As it was written; not ended by `}` when the text ends before. */
  readonly text: string;
}

/** The placeholders of a text, escaped ones left out. */
export function placeholdersIn(text: string): readonly Placeholder[] {
  const found: Placeholder[] = [];
  for (const [written, name, end] of text.matchAll(grammar)) {
    // Without its `}` a placeholder has no name that anything could be called.
    if (name !== undefined) found.push({ name: end === '}' ? name : `${name}…`, text: written });
  }
  return found;
}

/** Replaces what is known; leaves everything else, escapes too, for a later `fillCompletely`. */
export function fillText(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(grammar, (written, name: string | undefined, end: string | undefined) =>
    name === undefined || end !== '}' ? written : (known.get(name) ?? written),
  );
}

/** Replaces every placeholder and takes the escapes away. @throws when one is not known: it should have been reported. */
export function fillCompletely(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(grammar, (written, name: string | undefined, end: string | undefined) => {
    if (name === undefined) return '${';
    const value = end === '}' ? known.get(name) : undefined;
    if (value === undefined) throw new Error(`resolving ${written}: nothing has that name`);
    return value;
  });
}

/** The same data with every text in it changed; keys stay as they are. */
export function mapTexts(value: JsonObject, change: (text: string) => string): JsonObject {
  const visit = (part: Json): Json => {
    if (typeof part === 'string') return change(part);
    if (isList(part)) return part.map(visit);
    return isJsonObject(part) ? mapTexts(part, change) : part;
  };
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, visit(part)]));
}

/** Every text in the data, keys too, with the path of the value it belongs to. */
export function* textsIn(
  value: Json,
  path: DataPath = [],
): Generator<{ readonly path: DataPath; readonly text: string; readonly isKey: boolean }> {
  if (typeof value === 'string') yield { path, text: value, isKey: false };
  else if (isList(value)) for (const [index, item] of value.entries()) yield* textsIn(item, [...path, index]);
  else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield { path: [...path, key], text: key, isKey: true };
      yield* textsIn(item, [...path, key]);
    }
  }
}

/** Names under which an image is known once its digest is. */
export function imagePlaceholders(name: string): readonly string[] {
  return ['', '.repository', '.digest', '.tag'].map((part) => `images.${name}${part}`);
}

/** Names under which a route is known. */
export function routePlaceholders(name: string): readonly string[] {
  return [`urls.${name}`, `hosts.${name}`];
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

// `Array.isArray` does not narrow readonly arrays out of a union.
function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
