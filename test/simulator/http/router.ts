import type { Description, Operation } from '../description/openapi.ts';
import type { Route } from './route.ts';

export interface Matched {
  readonly route: Route;
  readonly operation: Operation;
  readonly params: Record<string, string>;
}

interface Candidate {
  readonly route: Route;
  readonly operation: Operation;
  readonly pattern: RegExp;
}

/** Finds routes by the paths that GitHub's description gives their operations. */
export class Router {
  readonly #candidates: readonly Candidate[];
  readonly #described: readonly { readonly method: string; readonly pattern: RegExp; readonly id: string }[];

  constructor(description: Description, routes: readonly Route[]) {
    const candidates = routes.map((route) => {
      const operation = description.operations.get(route.operation);
      if (!operation) throw new Error(`GitHub describes no operation ${route.operation}`);
      return { route, operation, pattern: patternOf(operation) };
    });
    // `/commits/{ref}` takes any number of segments: what says more about the path goes first.
    this.#candidates = candidates.toSorted((a, b) => depth(b.operation) - depth(a.operation));
    this.#described = [...description.operations.values()].map((operation) => ({
      method: operation.method,
      id: operation.id,
      get pattern() {
        return patternOf(operation);
      },
    }));
  }

  match(method: string, path: string): Matched | undefined {
    for (const { route, operation, pattern } of this.#candidates) {
      const found = operation.method === method ? pattern.exec(path) : null;
      if (!found) continue;
      const params = Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value ?? '')]);
      return { route, operation, params: Object.fromEntries(params) as Record<string, string> };
    }
    return undefined;
  }

  /** The operation GitHub would have there, when the simulator has none. */
  describedOperation(method: string, path: string): string | undefined {
    return this.#described.find((each) => each.method === method && each.pattern.test(path))?.id;
  }
}

function depth({ path }: Operation): number {
  return path.split('/').length;
}

function patternOf({ path, parameters }: Operation): RegExp {
  const source = path.replaceAll('.', '\\.').replaceAll(/\/\{([a-z_]+)\}/g, (_, name: string) => {
    const many = parameters.find((each) => each.name === name)?.['x-multi-segment'];
    return many ? `(?:/(?<${name}>.*))?` : `/(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${source}$`);
}
