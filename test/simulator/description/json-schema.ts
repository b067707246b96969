import { lastSegment, type Schema } from './openapi.ts';

const annotations = new Set(['title', 'description', 'example', 'examples', 'default', 'externalDocs', 'deprecated']);
const mapsOfSchemas = new Set(['properties', 'patternProperties']);

/**
 * JSON Schema for an OpenAPI 3.0 schema: `nullable` becomes a type, references become `schema:<name>`, annotations go.
 * Every component that is referred to is passed to `refer`.
 */
export function jsonSchema(schema: Schema, refer: (name: string) => void): Schema {
  if (typeof schema['$ref'] === 'string') {
    const name = lastSegment(schema['$ref']);
    refer(name);
    return { $ref: `schema:${name}` };
  }
  const converted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'nullable' || key.startsWith('x-') || annotations.has(key)) continue;
    converted[key] = convertKeyword(key, value, refer);
  }
  // A property that is empty by default may be empty, whatever its format says.
  const allowed = schema['default'] === '' && 'format' in schema ? { anyOf: [converted, { const: '' }] } : converted;
  return schema['nullable'] === true ? orNull(allowed) : allowed;
}

function convertKeyword(key: string, value: unknown, refer: (name: string) => void): unknown {
  if (key === 'enum' || key === 'required') return value;
  if (mapsOfSchemas.has(key)) {
    const named = Object.entries(value as Record<string, Schema>);
    return Object.fromEntries(named.map(([name, schema]) => [name, jsonSchema(schema, refer)]));
  }
  if (Array.isArray(value)) return value.map((item) => (isSchema(item) ? jsonSchema(item, refer) : item));
  return isSchema(value) ? jsonSchema(value, refer) : value;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function orNull(schema: Record<string, unknown>): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}
