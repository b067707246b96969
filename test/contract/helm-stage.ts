/** The real Helm on the local stack, and charts for it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HelmOptions } from '../../src/adapters/helm/options.ts';
import { helmReleaser } from '../../src/adapters/helm/releaser.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis, ReleaseState } from '../../src/domain/preview.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { type ChartContent, type ChartFolder, chartFolder, goodTemplates, hook } from './charts.ts';
import { testPreview } from './kubernetes-stack.ts';
import type { ChartKind } from './releaser.contract.ts';

const { signal } = new AbortController();

export const sleep = 'sleep 1000';
export const templates: Readonly<Record<ChartKind, Readonly<Record<string, string>>>> = {
  good: {},
  broken: { 'broken.yaml': '{{ .Values.a.b.c }}\n' },
  'hanging hook': { 'hook.yaml': hook('seed', 'pre-install,pre-upgrade', sleep) },
  'failing hook': { 'hook.yaml': hook('seed', 'pre-install,pre-upgrade', 'echo no such table; exit 3') },
  'hanging delete hook': { 'hook.yaml': hook('bye', 'pre-delete', sleep) },
};

export interface HelmStage extends AsyncDisposable {
  readonly preview: Awaited<ReturnType<typeof testPreview>>;
  readonly releaser: ReturnType<typeof helmReleaser>;
  readonly directory: string;
  chart(files: ChartContent, overrides?: Partial<ReleaseRequest>): Promise<ReleaseRequest>;
  state(): Promise<ReleaseState['state']>;
  /** Runs Helm beside the releaser. */
  helm(args: readonly string[]): ReturnType<typeof spawn>;
}

/** A namespace, and a releaser for it. */
export async function helmStage(options: Partial<HelmOptions> = {}): Promise<HelmStage> {
  const { podSecurity } = options;
  const { tools, kubeconfig } = localStack();
  const preview = await testPreview(podSecurity === undefined ? {} : { podSecurity });
  await preview.prepare();
  const directory = await mkdtemp(path.join(tmpdir(), 'berth-releaser-'));
  const folders: ChartFolder[] = [];
  return {
    preview,
    directory,
    releaser: helmReleaser({
      helmPath: tools.helm,
      cluster: { kubeconfigPath: kubeconfig },
      builtInChartPath: path.join(import.meta.dirname, '../../charts/preview'),
      directory,
      timeoutMs: 60_000,
      plainHttpRegistries: ['localhost:5000'],
      jobLog: preview.cluster.jobLog,
      serverVersion: preview.cluster.serverVersion,
      ...options,
    }),
    async chart(files, overrides = {}) {
      const folder = await chartFolder({ ...goodTemplates, ...files });
      folders.push(folder);
      return {
        namespace: preview.name,
        chart: { kind: 'path', path: 'deploy/chart', treeId: 'a' },
        chartPath: folder.path,
        valuesTexts: [],
        values: {},
        hosts: ['web.previews.example.com'],
        trust: 'trusted',
        isUpgrade: false,
        ...overrides,
      };
    },
    state: async () => (await preview.cluster.observe(preview.key, preview.name, undefined, signal)).release.state,
    helm: (args) =>
      spawn(tools.helm, [...args, '--namespace', preview.name], {
        env: { HOME: directory, KUBECONFIG: kubeconfig },
        stdio: 'ignore',
      }),
    async [Symbol.asyncDispose]() {
      await preview[Symbol.asyncDispose]();
      for (const folder of folders) await folder[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The diagnosis of work that must fail with one. */
export async function failure(work: Promise<unknown>): Promise<Diagnosis> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DiagnosedError) return error.diagnosis;
    throw error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}
