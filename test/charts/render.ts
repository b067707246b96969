/** Renders `charts/berth` as Helm would install it. */
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { run } from '../../deploy/local/run.ts';
import { localStack } from '../local-stack.ts';

export const chartPath = fileURLToPath(new URL('../../charts/berth', import.meta.url));

export interface Manifest {
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

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
  /** Such as `admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy`. */
  readonly apiVersions?: readonly string[];
  /** Such as `1.33.0`. */
  readonly kubeVersion?: string;
}

/** The least that must be filled in. */
export const neededValues = {
  previews: { domain: 'previews.example.com' },
  registry: { repository: 'registry.example.com/previews' },
  github: { existingSecret: 'berth-github' },
} as const;

/** Every object of the release, tests and hooks included. @throws RunError with what Helm says. */
export async function render(values: object, options: RenderOptions = {}): Promise<readonly Manifest[]> {
  const { release = 'berth', namespace = 'berth', apiVersions = [], kubeVersion } = options;
  const text = await run(
    [
      localStack().tools.helm,
      'template',
      release,
      chartPath,
      `--namespace=${namespace}`,
      '--values=-',
      ...apiVersions.map((version) => `--api-versions=${version}`),
      ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
    ],
    { input: JSON.stringify(values), timeoutMs: 30_000 },
  );
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

/** The one object of that kind and name. @throws when there is none. */
export function objectOf(objects: readonly Manifest[], kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found !== undefined) return found;
  const names = objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
  throw new Error(`there is no ${kind} ${name}, but ${names.join(', ') || 'none'}`);
}
