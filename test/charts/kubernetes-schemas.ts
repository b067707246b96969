/** Judges objects as Kubernetes' API servers of several releases would, strict about fields that they do not know. */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import type { KubernetesObject } from './helm.ts';

interface SchemaFile {
  readonly kinds: Readonly<Record<string, string>>;
  readonly definitions: Readonly<Record<string, unknown>>;
}

/** Releases whose schemas there are. */
export const kubernetesReleases = ['1.33', '1.34', '1.36'] as const;
export type KubernetesRelease = (typeof kubernetesReleases)[number];

const customResources = ['prometheus-operator', 'cert-manager', 'gateway-api'].map(schemasOf);
const releases = new Map(kubernetesReleases.map((release) => [release, schemasOf(`kubernetes-${release}`)]));

/** What is wrong with an object, one sentence for each; empty when nothing is. Kinds that have no schema are wrong. */
export function problemsOf(object: KubernetesObject, release: KubernetesRelease): readonly string[] {
  const kind = `${object.apiVersion}/${object.kind}`;
  const kubernetes = releases.get(release);
  const validate = [kubernetes, ...customResources].map((schemas) => schemas?.get(kind)).find(Boolean);
  const name = `${object.kind}/${object.metadata.name}`;
  if (!validate) return [`${name}: Kubernetes ${release} has no ${kind}`];
  // Custom resources have Kubernetes' metadata.
  const metadata = kubernetes?.get('metadata');
  return [validate, ...(metadata ? [metadata] : [])].flatMap((check, index) => {
    const subject = index === 0 ? object : object.metadata;
    if (check(subject)) return [];
    return (check.errors ?? []).map(({ instancePath, message, params }) => {
      const path = `${index === 0 ? '' : '/metadata'}${instancePath}`;
      return `${name}: ${path || '/'} ${message ?? ''} ${JSON.stringify(params)}`;
    });
  });
}

function schemasOf(name: string): ReadonlyMap<string, ValidateFunction> {
  const file = JSON.parse(readFileSync(new URL(`schemas/${name}.json`, import.meta.url), 'utf8')) as SchemaFile;
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addSchema({ $id: 'all', definitions: file.definitions });
  const compiled = new Map(
    Object.entries(file.kinds).map(([kind, definition]) => [
      kind,
      ajv.compile({ $ref: `all#/definitions/${definition}` }),
    ]),
  );
  if (file.definitions['V1ObjectMeta'])
    compiled.set('metadata', ajv.compile({ $ref: 'all#/definitions/V1ObjectMeta' }));
  return compiled;
}
