import type { Schema } from './openapi.ts';

/** A place in a schema of GitHub's description, as property names; every one of these may in fact be null. */
const nullInFact: Readonly<Record<string, readonly (readonly string[])[]>> = {
  // After a fork is deleted, its pull requests say `"repo": null`; the description declares a repository.
  'pull-request': [['head', 'repo']],
  // Labels made without a description say null; here only the list's schema forgets it.
  'pull-request-simple': [
    ['head', 'repo'],
    ['labels', 'description'],
  ],
};

/** The schema with its known mistakes mended. */
export function corrected(name: string, schema: Schema): Schema {
  const places =
    nullInFact[name] ?? (name.startsWith('webhook-pull-request-') ? [['pull_request', 'head', 'repo']] : []);
  return places.reduce((mended, place) => nullableAt(mended, place), schema);
}

function nullableAt(schema: Schema, place: readonly string[]): Schema {
  const [name, ...rest] = place;
  if (name === undefined) return { nullable: true, anyOf: [schema] };
  if (schema['type'] === 'array') return { ...schema, items: nullableAt(schema['items'] as Schema, place) };
  const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
  const property = properties?.[name];
  // Other schemas refer to the mended one, and need no change themselves.
  if (!property) return schema;
  return { ...schema, properties: { ...properties, [name]: nullableAt(property, rest) } };
}

/** Answers whose described schema cannot be meant, by operation and status. */
export const answerSchemas: Readonly<Record<string, Schema>> = {
  // Says that an account is a user and an enterprise at once; the installation by itself says either.
  'apps/list-installations 200': { type: 'array', items: { $ref: '#/components/schemas/installation' } },
};
