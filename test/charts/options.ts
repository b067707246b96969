/** The options of a chart, as its values.schema.json lists them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isValues } from './option-sets.ts';
import type { Values } from './helm.ts';

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The path of every option that has none below it, e.g. `['redis', 'storage', 'size']`; `resources` are Kubernetes' own. */
export function optionsOf(chart: string): readonly (readonly string[])[] {
  const root = JSON.parse(readFileSync(path.join(chart, 'values.schema.json'), 'utf8')) as Schema;
  return leaves(root, root);
}

function leaves(schema: Schema, root: Schema): readonly (readonly string[])[] {
  const { properties = {} } = schema.$ref === undefined ? schema : referred(schema.$ref, root);
  return Object.entries(properties).flatMap(([name, below]) => {
    const paths = name === 'resources' ? [] : leaves(below, root);
    return paths.length === 0 ? [[name]] : paths.map((rest) => [name, ...rest]);
  });
}

function referred(reference: string, root: Schema): Schema {
  let at: unknown = root;
  for (const part of reference.replace(/^#\//, '').split('/')) at = (at as Readonly<Record<string, unknown>>)[part];
  return at as Schema;
}

/** The value at a path; `undefined` when there is none. */
export function valueAt(values: Values, option: readonly string[]): unknown {
  let at: unknown = values;
  for (const name of option) {
    if (!isValues(at)) return undefined;
    at = at[name];
  }
  return at;
}

/** The values without what is at a path. */
export function without(values: Values, option: readonly string[]): Values {
  const [name, ...rest] = option;
  if (name === undefined) return values;
  const below = values[name];
  const { [name]: _, ...others } = values;
  return rest.length > 0 && isValues(below) ? { ...others, [name]: without(below, rest) } : others;
}
