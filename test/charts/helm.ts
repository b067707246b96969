/** Helm as the tests of charts use it: without a cluster. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { localStack } from '../local-stack.ts';

const execute = promisify(execFile);

/** Something to put into YAML or JSON. */
type Value = string | number | boolean | null | readonly Value[] | Values;
export interface Values {
  readonly [name: string]: Value;
}

/** A Kubernetes object as far as every one is alike. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Rendering {
  readonly release?: string;
  readonly namespace?: string;
  /** Kubernetes' release, e.g. `1.34`. */
  readonly kubernetes?: string;
  /** Group versions besides Kubernetes' own. */
  readonly apiVersions?: readonly string[];
  /** Files of values, each over the ones before it; `values` are over all of them. */
  readonly files?: readonly string[];
}

/** The folder of a chart of ours. */
export const chartFolder = (name: 'berth' | 'preview'): string =>
  fileURLToPath(new URL(`../../charts/${name}`, import.meta.url));

/** Everything that a chart makes of these values, hooks included. @throws with Helm's own words. */
export async function render(
  chart: string,
  values: Values,
  { release = 'berth', namespace = 'berth', kubernetes = '1.34', apiVersions = [], files = [] }: Rendering = {},
): Promise<readonly KubernetesObject[]> {
  const argv = ['template', release, chart, '--namespace', namespace, '--kube-version', kubernetes];
  for (const each of apiVersions) argv.push('--api-versions', each);
  for (const file of [...files, '-']) argv.push('--values', file);
  const text = await helm(argv, JSON.stringify(values));
  return parseAllDocuments(text)
    .map((document) => {
      const [problem] = document.errors;
      if (problem) throw problem;
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

/** What `helm lint --strict` says. @throws when it finds something. */
export function lint(chart: string, values: Values): Promise<string> {
  return helm(['lint', '--strict', chart, '--values', '-'], JSON.stringify(values));
}

async function helm(argv: readonly string[], input: string): Promise<string> {
  const child = execute(localStack().tools.helm, argv, { maxBuffer: 64 * 2 ** 20 });
  child.child.stdin?.end(input);
  try {
    return (await child).stdout;
  } catch (error) {
    const said = error as { readonly stderr?: string; readonly stdout?: string };
    throw new Error(`${said.stderr ?? ''}${said.stdout ?? ''}`, { cause: error });
  }
}
