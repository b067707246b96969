/** What is wrong with a manifest, in the words of its author. */
import type { z } from 'zod';
import type { Json } from './json.ts';
import { knownKeysAt } from './manifest-schema.ts';
import { nearestWord } from './nearest-word.ts';
import { isJsonObject } from './placeholders.ts';
import type { DataPath, Position, PositionedYaml, Problem } from './positioned-yaml.ts';

type Issue = z.core.$ZodIssue;

/** One problem for each thing that the schema refuses. */
export function schemaProblems(issues: readonly Issue[], yaml: PositionedYaml): readonly Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], yaml));
}

function problemsOf(issue: Issue, parent: DataPath, yaml: PositionedYaml): readonly Problem[] {
  const path: DataPath = [...parent, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const name = nameOf(path);
  const value = valueAt(yaml.value, path);
  const here = placeOf(path, value, yaml);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        ...yaml.keyPositionOf([...path, key]),
        message: unknownKey(key, path, value),
      }));
    case 'invalid_key':
      return issue.issues.map((each) => ({ ...yaml.keyPositionOf(path), message: `${name} ${each.message}` }));
    case 'invalid_type':
      return [
        value === undefined
          ? { ...yaml.keyPositionOf(path), message: `${name} is missing` }
          : {
              ...here,
              message: `${name} must be ${kindNames[issue.expected] ?? issue.expected}, not ${kindOf(value)}`,
            },
      ];
    case 'invalid_union':
      return unionProblems(issue.errors, path, yaml);
    case 'invalid_value':
      return [
        { ...here, message: `${name} must be ${issue.values.map((each) => `\`${String(each)}\``).join(' or ')}` },
      ];
    case 'too_big':
    case 'too_small':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return [{ ...here, message: `${name} ${issue.message}` }];
  }
}

/** A value that fits none of several shapes is judged by the shape that it resembles most. */
function unionProblems(
  branches: readonly (readonly Issue[])[],
  path: DataPath,
  yaml: PositionedYaml,
): readonly Problem[] {
  const value = valueAt(yaml.value, path);
  const name = nameOf(path);
  if (!isJsonObject(value)) {
    const expected = branches.flat().flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : []));
    const kinds = [...new Set(expected.map((kind) => kindNames[kind] ?? kind))];
    const literals = branches.flat().flatMap((issue) => (issue.code === 'invalid_value' ? issue.values : []));
    const wanted = [...kinds, ...literals.map((each) => `\`${String(each)}\``)].join(' or ');
    return [{ ...placeOf(path, value, yaml), message: `${name} must be ${wanted}, not ${kindOf(value ?? null)}` }];
  }
  const best = branches.toSorted((one, other) => distanceOf(one) - distanceOf(other))[0] ?? [];
  return best.flatMap((issue) => problemsOf(issue, path, yaml));
}

/** Where a value stands; one that is empty stands nowhere, its key does. */
function placeOf(path: DataPath, value: Json | undefined, yaml: PositionedYaml): Position {
  return value === null ? yaml.keyPositionOf(path) : yaml.positionOf(path);
}

/** Smaller means more alike: an unknown key weighs more than a wrong value, not being a mapping at all the most. */
function distanceOf(issues: readonly Issue[]): number {
  let distance = 0;
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') distance += 10 * issue.keys.length;
    else distance += issue.path.length === 0 ? 1_000 : 1;
  }
  return distance;
}

function unknownKey(key: string, path: DataPath, value: Json | undefined): string {
  const known = knownKeysAt(path) ?? [];
  const where = path.length === 0 ? '' : ` in ${nameOf(path)}`;
  if (known.includes(key)) {
    const beside = Object.keys(isJsonObject(value) ? value : {}).filter((each) => each !== key && known.includes(each));
    return `\`${key}\` cannot stand beside ${beside.map((each) => `\`${each}\``).join(' and ')}${where}: keep one of them`;
  }
  const meant = nearestWord(key, known);
  return meant
    ? `\`${shortened(key)}\` is not known${where}: did you mean \`${meant}\`?`
    : `\`${shortened(key)}\` is not known${where}: use ${known.map((each) => `\`${each}\``).join(', ')}`;
}

const kindNames: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
};

function kindOf(value: Json): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'string' ? 'text' : 'a mapping';
}

/** A path as people write it: `images.web.args`. */
function nameOf(path: DataPath): string {
  return path.length === 0 ? 'the file' : `\`${shortened(path.map(String).join('.'))}\``;
}

function shortened(text: string): string {
  // Keys of strangers go into sentences: no line breaks, no end of the code span.
  const plain = text.slice(0, 61).replace(/[\p{Cc}`]/gu, '?');
  return plain.length > 60 ? `${plain.slice(0, 59)}…` : plain;
}

function valueAt(value: Json, path: DataPath): Json | undefined {
  let part: Json | undefined = value;
  for (const key of path) {
    if (Array.isArray(part) && typeof key === 'number') part = (part as readonly Json[])[key];
    else if (isJsonObject(part) && Object.hasOwn(part, key)) part = part[key];
    else return undefined;
  }
  return part;
}
