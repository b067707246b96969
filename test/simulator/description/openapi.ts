import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A schema of the description, before it becomes JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
  readonly 'x-multi-segment'?: boolean;
}

interface Content {
  readonly [mediaType: string]: { readonly schema?: Schema };
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** The path template, such as `/repos/{owner}/{repo}/pulls`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly schema: Schema } | undefined;
  /** By status code; `undefined` content means an answer without a described body. */
  readonly responses: ReadonlyMap<number, Content | undefined>;
}

export interface Description {
  readonly operations: ReadonlyMap<string, Operation>;
  schema(name: string): Schema | undefined;
  /** The payload of a webhook such as `pull-request-opened`, or of an event without actions such as `push`. */
  webhook(name: string): Schema | undefined;
}

interface Ref {
  readonly $ref: string;
}
interface RawOperation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter | Ref)[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content } | Ref>>;
}
interface Raw {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly 'x-webhooks': Readonly<Record<string, { readonly post: { readonly requestBody: { content: Content } } }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
  };
}

let loaded: Description | undefined;

/**
 * GitHub's published OpenAPI description of its REST API and webhooks. Parsed on the first call (about 0.15 s) and
 * shared by every simulator in the process.
 */
export function gitHubDescription(): Description {
  loaded ??= parse();
  return loaded;
}

function parse(): Description {
  const path = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json');
  const raw = JSON.parse(readFileSync(path, 'utf8')) as Raw;
  const operations = new Map<string, Operation>();
  for (const [template, methods] of Object.entries(raw.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (typeof operation.operationId !== 'string') continue;
      operations.set(operation.operationId, toOperation(raw, template, method, operation));
    }
  }
  return {
    operations,
    schema: (name) => raw.components.schemas[name],
    webhook: (name) => raw['x-webhooks'][name]?.post.requestBody.content['application/json']?.schema,
  };
}

function toOperation(raw: Raw, path: string, method: string, operation: RawOperation): Operation {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    '$ref' in parameter ? (raw.components.parameters[lastSegment(parameter.$ref)] as Parameter) : parameter,
  );
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  const responses = new Map<number, Content | undefined>();
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const content =
      '$ref' in response ? raw.components.responses[lastSegment(response.$ref)]?.content : response.content;
    responses.set(Number(status), content);
  }
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    parameters,
    body: schema && { required: operation.requestBody?.required ?? false, schema },
    responses,
  };
}

export function lastSegment(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}
