import type { Answer } from './http/answer.ts';

type Operations = Readonly<Record<string, (...args: never[]) => unknown>>;

/**
 * The control operations as JSON: a request's body is the array of arguments, or the only argument, and the answer is
 * `{ "result": … }` or `{ "error": … }`.
 */
export function createControlApi(operations: Operations): (operation: string, body: Buffer) => Promise<Answer> {
  return async (name, bytes) => {
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (!operation)
      return { status: 404, body: { error: `no such operation; there are: ${Object.keys(operations).join(', ')}` } };
    try {
      const given: unknown = bytes.length === 0 ? [] : JSON.parse(bytes.toString('utf8'));
      const result: unknown = await operation(...((Array.isArray(given) ? given : [given]) as never[]));
      return { status: 200, body: { result: result ?? null } };
    } catch (error) {
      return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
    }
  };
}
