import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { answerSchemas, corrected } from './errata.ts';
import { jsonSchema } from './json-schema.ts';
import { type Description, gitHubDescription, type Operation, type Schema } from './openapi.ts';

/** Parameters with the types that GitHub describes. */
export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

interface ReadRequest {
  readonly params: Parameters;
  readonly query: Parameters;
  /** What the description forbids in the request; empty when it is right. */
  readonly problems: readonly string[];
}

/** Checks requests, answers and webhook payloads against GitHub's description. Validators are compiled on first use. */
export interface Contract {
  readRequest(operation: Operation, params: Record<string, string>, query: URLSearchParams, body: unknown): ReadRequest;
  answerProblems(
    operation: Operation,
    status: number,
    contentType: string | undefined,
    body: unknown,
  ): readonly string[];
  payloadProblems(event: string, action: string | undefined, payload: unknown): readonly string[];
}

/** Statuses that GitHub gives on any route without describing them there; they carry a plain error. */
const undescribed = new Set([301, 304, 307, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503]);

let shared: Contract | undefined;

/** The process-wide contract: compiled validators are reused by every simulator. */
export function gitHubContract(): Contract {
  shared ??= createContract(gitHubDescription());
  return shared;
}

function createContract(description: Description): Contract {
  // The schemas are large and each is used a few times only: optimising the validators costs more than it gains.
  const options = { strict: false, allErrors: true, logger: false as const, code: { optimize: false } };
  const exact = withFormats(new Ajv(options));
  const coercing = withFormats(new Ajv({ ...options, coerceTypes: 'array' }));
  const registered = new Set<string>();
  const compiled = new Map<string, ValidateFunction>();

  function register(name: string): void {
    if (registered.has(name)) return;
    registered.add(name);
    const schema = description.schema(name);
    if (!schema) throw new Error(`GitHub's description refers to an unknown schema: ${name}`);
    exact.addSchema(jsonSchema(corrected(name, schema), register), `schema:${name}`);
  }

  function validator(key: string, schema: () => Schema, ajv = exact): ValidateFunction {
    let validate = compiled.get(key);
    if (!validate) {
      validate = ajv.compile(jsonSchema(schema(), register));
      compiled.set(key, validate);
    }
    return validate;
  }

  function parameters(operation: Operation, where: 'path' | 'query', values: Record<string, unknown>): string[] {
    const validate = validator(
      `${operation.id} ${where}`,
      () => {
        const described = operation.parameters.filter((parameter) => parameter.in === where);
        return {
          type: 'object',
          properties: Object.fromEntries(described.map(({ name, schema }) => [name, schema])),
          required: described.filter(({ required }) => required).map(({ name }) => name),
          additionalProperties: where === 'path',
        };
      },
      coercing,
    );
    return validate(values) ? [] : problemsOf(`${where} parameters`, validate.errors);
  }

  return {
    readRequest(operation, params, searchParams, body) {
      const path: Record<string, string> = { ...params };
      const query: Record<string, string> = Object.fromEntries(searchParams);
      const problems = [...parameters(operation, 'path', path), ...parameters(operation, 'query', query)];
      problems.push(...bodyProblems(operation, body));
      return { params: path, query, problems };
    },
    answerProblems(operation, status, contentType, body) {
      if (!operation.responses.has(status)) {
        return undescribed.has(status) ? [] : [`status ${status} is not described for ${operation.id}`];
      }
      const content = operation.responses.get(status);
      const mediaType = contentType?.split(';')[0];
      const schema = answerSchemas[`${operation.id} ${status}`] ?? content?.['application/json']?.schema;
      if (!schema || mediaType !== 'application/json') return [];
      const validate = validator(`${operation.id} ${status}`, () => schema);
      return validate(body) ? [] : problemsOf(`answer ${status}`, validate.errors);
    },
    payloadProblems(event, action, payload) {
      const name = [event, action].filter(Boolean).join('-').replaceAll('_', '-');
      const schema = description.webhook(name);
      if (!schema) return [`GitHub describes no webhook ${name}`];
      const validate = validator(`webhook ${name}`, () => schema);
      return validate(payload) ? [] : problemsOf(`payload of ${name}`, validate.errors);
    },
  };

  function bodyProblems(operation: Operation, body: unknown): string[] {
    if (!operation.body) return body === undefined ? [] : ['a body where none is described'];
    if (body === undefined) return operation.body.required ? ['the body is missing'] : [];
    const schema = operation.body.schema;
    const validate = validator(`${operation.id} body`, () => schema);
    const problems = validate(body) ? [] : problemsOf('body', validate.errors);
    return [...problems, ...unknownProperties(schema, body)];
  }
}

/** GitHub ignores properties it does not know, so a misspelt one would go unnoticed: here it is a problem. */
function unknownProperties(schema: Schema, body: unknown): string[] {
  const known = schema['properties'];
  if (typeof known !== 'object' || known === null || typeof body !== 'object' || body === null) return [];
  return Object.keys(body)
    .filter((name) => !(name in known))
    .map((name) => `body has a property that GitHub does not know: ${name}`);
}

function problemsOf(where: string, errors: ValidateFunction['errors']): string[] {
  const described = (errors ?? []).slice(0, 8).map((error) => `${where}${error.instancePath} ${problem(error)}`);
  return [...new Set(described)];
}

function problem(error: ErrorObject): string {
  const allowed: unknown = error.params['allowedValues'];
  const extra: unknown = error.params['additionalProperty'];
  if (Array.isArray(allowed)) return `${error.message}: ${allowed.join(', ')}`;
  return typeof extra === 'string' ? `${error.message}: ${extra}` : (error.message ?? error.keyword);
}

function withFormats(ajv: Ajv): Ajv {
  // The package is CommonJS: its default export is the function itself, or wrapped, depending on the loader.
  const plugin =
    (formats as unknown as { default?: (ajv: Ajv) => Ajv }).default ?? (formats as unknown as (ajv: Ajv) => Ajv);
  return plugin(ajv);
}
