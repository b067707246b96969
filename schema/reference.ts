/** The reference part of `docs/manifest.md`, made from the grammar: one row for each key. */
import { z } from 'zod';
import { manifestSchema } from '../src/domain/manifest-schema.ts';

/** What JSON Schema has of a rule, and what the grammar adds to it. */
interface Node {
  readonly type?: string;
  readonly const?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Node;
  readonly additionalProperties?: Node | false;
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  /** What an error says after the key. */
  readonly rules?: readonly string[];
}

interface Row {
  readonly key: string;
  readonly value: string;
  readonly text: string;
}

const begin = '<!-- Generated from the schema by `npm run schema`: what is written here by hand is lost. -->';
const end = '<!-- End of what is generated. -->';

/** The document with its reference part as the grammar has it now. @throws when the document has no place for it. */
export function withReference(document: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`there is no place for the reference: it begins with ${begin}`);
  return `${document.slice(0, from)}${begin}\n\n${reference()}\n${document.slice(to)}`;
}

/** A table with every key of the manifest, in the order of the grammar. */
function reference(): string {
  const lines = rowsOf('', grammar()).map(({ key, value, text }) => `| \`${key}\` | ${value} | ${text} |`);
  return ['| key | value | |', '| --- | --- | --- |', ...lines, ''].join('\n');
}

function grammar(): Node {
  return z.toJSONSchema(manifestSchema, {
    target: 'draft-7',
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      const rules = (defOf(zodSchema)['checks'] as readonly Defined[] | undefined)?.flatMap(ruleOf) ?? [];
      if (rules.length > 0) Object.assign(jsonSchema, { rules });
    },
  }) as Node;
}

/** A schema or a check of zod's. */
interface Defined {
  readonly _zod: { readonly def: object };
}

/** What it was made from. Source: zod.dev/library-authors */
function defOf(it: Defined): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line no-underscore-dangle -- the name is zod's, and what it promises to keep
  return it._zod.def as Readonly<Record<string, unknown>>;
}

/** The words that an error has for what a check demands, unless they are about a part of the value. */
function ruleOf(check: Defined): readonly string[] {
  const { error, path } = defOf(check);
  if (path !== undefined || typeof error !== 'function') return [];
  const said: unknown = error({});
  // Others tell to remove what Berth fills in.
  return typeof said === 'string' && said.startsWith('must ') ? [said] : [];
}

function rowsOf(key: string, node: Node, isNeeded = false): readonly Row[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(key === '' ? name : `${key}.${name}`, child, node.required?.includes(name)),
  );
  if (key === '') return below;
  const item = node.additionalProperties || undefined;
  const variants = item?.anyOf ?? (item?.properties ? [item] : []);
  const named = variants.flatMap((variant) => rowsOf(`${key}.<name>`, variant));
  // Of alternatives only the keys in them: what they are is in this row.
  const chosen = (node.anyOf ?? []).flatMap((variant) => rowsOf(key, variant).slice(1));
  return [
    { key, value: `${valueOf(node)}${isNeeded ? ', needed' : ''}`, text: textOf(node) },
    ...named,
    ...below,
    ...chosen,
  ];
}

function valueOf(node: Node): string {
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.anyOf) return [...new Set(node.anyOf.map(valueOf))].join(' or ');
  switch (node.type) {
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    case 'boolean':
      return '`true` or `false`';
    case 'array':
      return 'list of texts';
    case 'object':
      return 'mapping';
    default:
      throw new Error(`there is no word for a value of the type ${node.type}`);
  }
}

function textOf({ description, rules, propertyNames, items, additionalProperties }: Node): string {
  const sentences = [
    description,
    ruled('It', rules),
    ruled('Each name', propertyNames?.rules),
    ruled('Each', items?.rules ?? (additionalProperties || undefined)?.rules),
  ];
  // What separates cells of a table cannot be in one.
  return sentences.filter(Boolean).join(' ').replaceAll('|', '\\|');
}

function ruled(subject: string, rules: readonly string[] = []): string {
  return rules.length === 0 ? '' : `${subject} ${[...new Set(rules)].join(', and ')}.`;
}
