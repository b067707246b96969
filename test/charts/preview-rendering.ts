/** `charts/preview` as Berth renders it and holds it against the gate, without a cluster. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HelmOptions } from '../../src/adapters/helm/options.ts';
import { renderOffline } from '../../src/adapters/helm/offline.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { chartFolder, type KubernetesObject } from './helm.ts';

/** What would be installed for these values. @throws DiagnosedError as the pull request would show it. */
export async function renderPreview(
  values: JsonObject,
  request: Partial<ReleaseRequest> = {},
  options: Partial<HelmOptions> = {},
): Promise<readonly KubernetesObject[]> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-preview-chart-'));
  try {
    const given = {
      helmPath: localStack().tools.helm,
      builtInChartPath: chartFolder('preview'),
      directory,
      passwordKey: 'k',
      ...options,
    };
    const { objects } = await renderOffline(
      given,
      {
        namespace: 'pr-1',
        chart: { kind: 'built-in' },
        chartPath: undefined,
        valuesTexts: [],
        values,
        hosts: [],
        trust: 'trusted',
        isUpgrade: false,
        ...request,
      },
      new AbortController().signal,
    );
    return objects as unknown as readonly KubernetesObject[];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string; readonly optional?: boolean } }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [field: string]: unknown;
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly [Container];
  readonly runtimeClassName?: string;
  readonly affinity?: object;
  readonly [field: string]: unknown;
}

/** The pods by the names of their Deployments. */
export function podsOf(objects: readonly KubernetesObject[]): Readonly<Record<string, PodSpec>> {
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  return Object.fromEntries(
    deployments.map(({ metadata, spec }) => [
      metadata.name,
      (spec as { readonly template: { readonly spec: PodSpec } }).template.spec,
    ]),
  );
}

/** `Kind/name` of each, in alphabetical order. */
export function namesOf(objects: readonly KubernetesObject[]): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
}

/** What a container's environment says, in clear; `undefined` for what comes from elsewhere. */
export function environmentOf({ env = [] }: Container): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}
