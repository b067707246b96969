/**
 * YAML text → plain data that remembers where each value stood. Written for text of strangers: size, depth, number of
 * values and of aliases are bounded before they cost anything; tags, merge keys and duplicate keys are errors.
 */
import { CST, Composer, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, Parser } from 'yaml';
import type { Json } from './json.ts';

/** 1-based, in characters (UTF-16 units). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Position {
  readonly message: string;
}

/** Keys and indices from the root to a value. */
export type DataPath = readonly (string | number)[];

export interface PositionedYaml {
  /** `null` for empty text. Parts that have problems may be missing. */
  readonly value: Json;
  /** In the order of the text. */
  readonly problems: readonly Problem[];
  /** The text is not YAML at all, so that `value` says nothing about what was meant. */
  readonly broken: boolean;
  /** Where the value stands, or the nearest enclosing one that does exist. */
  positionOf(path: DataPath): Position;
  /** Where its key stands; like `positionOf` for items of lists. */
  keyPositionOf(path: DataPath): Position;
  /** The scalar at that path as it was written, e.g. `1.10`; `undefined` for anything else. */
  sourceOf(path: DataPath): string | undefined;
  /** Where `text` stands within the scalar; where the scalar begins when it is not written literally. */
  positionWithin(path: DataPath, text: string): Position;
}

export interface YamlLimits {
  readonly sizeBytes: number;
  readonly depth: number;
  /** Scalars and collections, those reached through aliases counted each time. */
  readonly values: number;
  readonly aliases: number;
}

/** What is known of a value's place; a tree of the same shape as the data. */
interface Span {
  readonly keyStart: number | undefined;
  readonly start: number;
  readonly end: number;
  readonly source: string | undefined;
  readonly children: Map<string | number, Span>;
}

/** Reads one YAML 1.2 document. Never throws: everything that is wrong is in `problems`. */
export function readYaml(text: string, limits: YamlLimits): PositionedYaml {
  if (Buffer.byteLength(text) > limits.sizeBytes) {
    return unreadable(`the file is larger than ${limits.sizeBytes / 1024} KiB`, { line: 1, column: 1 });
  }
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  // The composer recurses: measured here first, without recursion, or 100,000 brackets overflow its stack.
  const tooDeep = firstDeeperThan(tokens, limits.depth);
  if (tooDeep !== undefined) return unreadable(`nested more than ${limits.depth} levels deep`, at(tooDeep));
  if (tokens.length > limits.values) return unreadable(`more than ${limits.values} lines outside any value`, at(0));

  const composer = new Composer({
    schema: 'core',
    resolveKnownTags: false,
    // Compares each key with each other one, which is quadratic; done in `convert`.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents = [...composer.compose(tokens, true, text.length)];
  const document = documents[0];
  const errors = documents.flatMap((each) => [...each.errors, ...each.warnings]);
  if (documents.length > 1) {
    return unreadable('a second document starts here: keep only one', at(documents[1]?.range[0] ?? 0));
  }
  if (!document || errors.some((error) => error.name === 'YAMLParseError')) {
    const problems = errors.slice(0, 20).map((error) => ({ ...at(error.pos[0]), message: sentenceOf(error.message) }));
    return { ...unreadable('not YAML', at(0)), problems };
  }

  const problems: (Problem & { readonly offset: number })[] = [];
  const complain = (offset: number, message: string) => problems.push({ ...at(offset), message, offset });
  for (const warning of errors) complain(warning.pos[0], 'tags are not supported here: remove the `!…`');
  const { value, root } = convert(document.contents, limits, complain);
  const positionOf = (path: DataPath) => at(nearest(root, path).start);
  return {
    value,
    problems: problems.sort((one, other) => one.offset - other.offset),
    broken: false,
    positionOf,
    keyPositionOf: (path) => {
      const span = nearest(root, path);
      return at(span.keyStart ?? span.start);
    },
    sourceOf: (path) => nearest(root, path).source,
    positionWithin: (path, part) => {
      const span = nearest(root, path);
      const offset = text.slice(span.start, span.end).indexOf(part);
      return at(span.start + Math.max(offset, 0));
    },
  };
}

/** Plain data of a node and all below it. */
function convert(
  contents: Node | null,
  limits: YamlLimits,
  complain: (offset: number, message: string) => void,
): { readonly value: Json; readonly root: Span } {
  const anchors = new Map<string, Node>();
  let values = 0;
  let aliases = 0;

  const visit = (node: unknown, span: Span, depth: number): Json => {
    const { start } = span;
    values += 1;
    if (values > limits.values || depth > limits.depth) {
      // Once is enough: everything that follows is over the limit as well.
      if (values <= limits.values + 1) complain(start, `more than ${limits.values} values or ${limits.depth} levels`);
      values = limits.values + 1;
      return null;
    }
    if (isAlias(node)) {
      aliases += 1;
      const target = anchors.get(node.source);
      if (!target) complain(start, `nothing above is named \`&${node.source}\``);
      if (aliases === limits.aliases + 1) complain(start, `more than ${limits.aliases} aliases`);
      return target && aliases <= limits.aliases ? visit(target, span, depth + 1) : null;
    }
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) anchors.set(node.anchor, node);
    const visitChild = (name: string | number, child: unknown, keyStart: number | undefined): Json => {
      const childSpan = spanOf(child, keyStart);
      span.children.set(name, childSpan);
      return visit(child, childSpan, depth + 1);
    };
    if (isSeq(node)) return node.items.map((item, index) => visitChild(index, item, undefined));
    if (isMap(node)) {
      const entries = new Map<string, Json>();
      for (const pair of node.items) {
        const key = keyOf(pair.key);
        const keyAt = spanOf(pair.key, start).start;
        if (key === undefined) complain(keyAt, 'keys must be plain text');
        else if (key === '<<') complain(keyAt, 'merge keys (`<<`) are not supported: write the keys out');
        else if (key === '__proto__') complain(keyAt, '`__proto__` cannot be used as a key');
        else if (entries.has(key)) complain(keyAt, `\`${key}\` is given twice: keep one of them`);
        else entries.set(key, visitChild(key, pair.value, keyAt));
      }
      return Object.fromEntries(entries);
    }
    if (!isScalar(node) || node.value === null) return null;
    const scalar = node.value;
    if (typeof scalar === 'string' || typeof scalar === 'boolean') return scalar;
    if (typeof scalar === 'number' && Number.isFinite(scalar)) return scalar;
    complain(start, 'not a value that JSON knows: put it in quotes');
    return null;
  };
  const root = spanOf(contents, undefined);
  return { value: visit(contents, root, 0), root };
}

/** Text of a key; numbers, `true` and the like as they were written. */
function keyOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  return typeof node.value === 'string' ? node.value : node.source;
}

/** Offset of the first collection that lies deeper than `maxDepth`. */
export function firstDeeperThan(tokens: readonly CST.Token[], maxDepth: number): number | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > maxDepth) return token.offset;
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth });
    if (!CST.isCollection(token)) continue;
    for (const item of token.items) {
      if (item.key) open.push({ token: item.key, depth: depth + 1 });
      if (item.value) open.push({ token: item.value, depth: depth + 1 });
    }
  }
  return undefined;
}

function spanOf(node: unknown, keyStart: number | undefined): Span {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : null;
  const [start, end] = range ?? [keyStart ?? 0, keyStart ?? 0];
  return { keyStart, start, end, source: isScalar(node) ? node.source : undefined, children: new Map() };
}

function nearest(root: Span, path: DataPath): Span {
  let span = root;
  for (const part of path) {
    const child = span.children.get(part);
    if (!child) break;
    span = child;
  }
  return span;
}

function unreadable(message: string, position: Position): PositionedYaml {
  const here = () => position;
  return {
    value: null,
    problems: [{ ...position, message }],
    broken: true,
    positionOf: here,
    keyPositionOf: here,
    sourceOf: () => undefined,
    positionWithin: here,
  };
}

function sentenceOf(message: string): string {
  const firstLine = message.split('\n', 1)[0] ?? '';
  return firstLine.charAt(0).toLowerCase() + firstLine.slice(1, 300);
}
