/**
 * YAML as Helm and kubectl read it. Their library resolves plain scalars by rules of its own, between YAML 1.1 and 1.2; what it
 * takes for a number or a boolean is one here. Written for text of strangers: depth, values and aliases are bounded. Pure.
 */
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, type Node, Parser, Scalar } from 'yaml';
import type { Json } from '../../domain/json.ts';
import { firstDeeperThan } from '../../domain/positioned-yaml.ts';

/** Levels of nesting; more than any kind of Kubernetes has, few enough for functions that recurse. */
const mostLevels = 100;
/** Of one text, those that are reached through aliases counted each time. */
const mostValues = 300_000;

export type YamlResult =
  | { readonly values: readonly Json[] }
  /** What is wrong with it, as the end of a sentence, and where: in UTF-16 units from the beginning of the text. */
  | { readonly problem: string; readonly offset: number };

/**
 * The documents of a text, those that are empty left out. Exact: what cannot be had exactly is a problem, as is a key that is
 * given twice, which other readers might choose between in their own way. Never throws.
 */
export function readKubernetesYaml(text: string): YamlResult {
  const values: Json[] = [];
  const counter = { values: 0 };
  // Documents are separated as Helm does it: by lines, whatever else is said in them.
  let offset = 0;
  for (const part of text.split(/^(?=---(?:\s|$))/m)) {
    try {
      const value = documentValue(part, counter);
      if (value !== null) values.push(value);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { problem: error.message, offset: offset + error.offset };
    }
    offset += part.length;
  }
  return { values };
}

class Problem extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

function documentValue(text: string, counter: { values: number }): Json {
  const tokens = [...new Parser().parse(text)];
  // The composer recurses: measured here first, or 100,000 brackets overflow its stack.
  const tooDeep = firstDeeperThan(tokens, mostLevels);
  if (tooDeep !== undefined) throw new Problem(`nested more than ${mostLevels} levels deep`, tooDeep);
  const composer = new Composer({
    // Leaves every plain scalar as it was written.
    schema: 'failsafe',
    resolveKnownTags: false,
    // Compares each key with each other one, which is quadratic.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  if (document === undefined) return null;
  if (second !== undefined) throw new Problem('another document begins without `---`', second.range[0]);
  const [error] = document.errors;
  if (error) throw new Problem(firstLine(error.message), error.pos[0]);
  return valueOf(document, counter);
}

function valueOf(document: Document.Parsed, counter: { values: number }): Json {
  const anchors = new Map<string, Node>();

  const visit = (node: unknown, depth: number): Json => {
    counter.values += 1;
    if (counter.values > mostValues) throw problemAt(node, `more than ${mostValues} values`);
    if (depth > mostLevels) throw problemAt(node, `nested more than ${mostLevels} levels deep`);
    if (isAlias(node)) return visit(targetOf(node.source, node), depth + 1);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) anchors.set(node.anchor, node);
    if (isSeq(node)) return node.items.map((item) => visit(item, depth + 1));
    if (isMap(node)) return Object.fromEntries(entriesOf(node.items, depth));
    return isScalar(node) ? scalarValue(node) : null;
  };

  const targetOf = (name: string, node: unknown): Node => {
    const target = anchors.get(name);
    if (target === undefined) throw problemAt(node, `nothing above is named \`&${name}\``);
    return target;
  };

  const entriesOf = (pairs: readonly { key: unknown; value: unknown }[], depth: number): Map<string, Json> => {
    const entries = new Map<string, Json>();
    const given = new Set<string>();
    for (const { key, value } of pairs) {
      if (isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN && key.tag === undefined) {
        // Against the specification, what is merged wins over what stands before it.
        for (const [name, item] of mergedEntries(value, depth)) entries.set(name, item);
        continue;
      }
      const name = keyText(isAlias(key) ? targetOf(key.source, key) : key);
      if (given.has(name)) throw problemAt(key, `the key \`${name.slice(0, 100)}\` is given twice`);
      given.add(name);
      if (isScalar(key) && key.anchor) anchors.set(key.anchor, key);
      entries.set(name, visit(value, depth + 1));
    }
    return entries;
  };

  const mergedEntries = (node: unknown, depth: number): readonly (readonly [string, Json])[] => {
    const value = visit(node, depth + 1);
    // Of several, the first wins.
    const maps = Array.isArray(value) ? value.toReversed() : [value];
    return maps.flatMap((map) => {
      if (map === null || typeof map !== 'object' || Array.isArray(map)) {
        throw problemAt(node, '`<<` merges mappings only');
      }
      return Object.entries(map as Readonly<Record<string, Json>>);
    });
  };

  return visit(document.contents, 0);
}

function scalarValue(node: Scalar): Json {
  const text = typeof node.value === 'string' ? node.value : '';
  if (!text.isWellFormed()) throw problemAt(node, 'half of a surrogate pair is not text');
  const isPlain = node.type === Scalar.PLAIN || node.type === undefined;
  const tag = node.tag?.replace('tag:yaml.org,2002:', '!!');
  if (tag === undefined ? !isPlain : tag === '!!str' || tag === '!') return text;
  const value = plainValue(text);
  if (tag !== undefined && !taggedAs[tag]?.(value)) throw problemAt(node, `the tag \`${tag}\` is not supported here`);
  if (typeof value === 'bigint')
    throw problemAt(node, `the number ${text.slice(0, 40)} is too large: put it in quotes`);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw problemAt(node, `\`${text}\` is not a number in JSON`);
  return value;
}

const taggedAs: Readonly<Record<string, (value: Json | bigint) => boolean>> = {
  '!!int': (value) => typeof value === 'number' && Number.isInteger(value),
  '!!float': (value) => typeof value === 'number',
  '!!bool': (value) => typeof value === 'boolean',
  '!!null': (value) => value === null,
};

const named = new Map<string, boolean | number | null>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((text) => [text, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((text) => [text, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, null] as const),
  ...['.nan', '.NaN', '.NAN', '.inf', '.Inf', '.INF'].map((text) => [text, Number.NaN] as const),
  ...['+.inf', '+.Inf', '+.INF', '-.inf', '-.Inf', '-.INF'].map((text) => [text, Number.NaN] as const),
]);
const whole = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)$/;
const fraction = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/** A plain scalar as go-yaml 2 resolves it: `0777` is octal, `1_000` a thousand, `12:30` and `2006-01-02` are text. */
function plainValue(text: string): Json | bigint {
  const known = named.get(text);
  if (known !== undefined) return known;
  if (!/^[-+.0-9]/.test(text)) return text;
  const plain = text.startsWith('.') ? text : text.replaceAll('_', '');
  const match = whole.exec(plain);
  if (match) {
    const [, sign, digits = ''] = match;
    const size = BigInt(/^0[0-9]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
    return size > BigInt(Number.MAX_SAFE_INTEGER) ? size : Number(size) * (sign === '-' && size > 0n ? -1 : 1);
  }
  if (!fraction.test(plain)) return text;
  const value = Number(plain);
  // Beyond what a float holds, Go leaves the text alone.
  return Number.isFinite(value) ? value : text;
}

/** Keys that are not text become text, as Kubernetes does it: `yes` is the key `true`. */
function keyText(node: unknown): string {
  const value = isScalar(node) ? scalarValue(node) : null;
  if (value === null || typeof value === 'object') throw problemAt(node, 'a key must be text');
  return String(value);
}

function problemAt(node: unknown, message: string): Problem {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
  return new Problem(message, range?.[0] ?? 0);
}

function firstLine(message: string): string {
  const line = message.split('\n', 1)[0] ?? '';
  return line.charAt(0).toLowerCase() + line.slice(1, 300);
}
