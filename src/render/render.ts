/** `berth render`: what would be deployed, by the code that deploys it, without a cluster, GitHub or Redis. */
import { mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NoRepositoryError, openLocalRepository } from '../adapters/git/local-repository.ts';
import { renderOffline } from '../adapters/helm/offline.ts';
import { defaultKubernetesOptions } from '../adapters/kubernetes/options.ts';
import { confiningObjects } from '../adapters/kubernetes/policy-objects.ts';
import type { PreviewConfig } from '../config.ts';
import type { When } from '../domain/desired.ts';
import { DiagnosedError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { namespaceName } from '../domain/names.ts';
import type { Plan } from '../domain/plan.ts';
import type { Diagnosis } from '../domain/preview.ts';
import { namespaceOptions } from '../namespace-options.ts';
import { builtInChartPath, planSettings } from '../plan-settings.ts';
import { planCode } from '../reconcile/plan-code.ts';
import { readConfiguration } from '../reconcile/configuration.ts';
import { releaseRequest } from '../reconcile/release-request.ts';
import { checkHelm, explained } from './programs.ts';
import { branchRevision, RenderError, type Subject, type SubjectOptions, subjectOf } from './subject.ts';

export interface RenderOptions extends SubjectOptions {
  /** The plan alone: no chart is rendered. */
  readonly planOnly: boolean;
  /** Version of Kubernetes to render for, e.g. `1.33`; `undefined` for the one that Helm assumes. */
  readonly kubernetesVersion: string | undefined;
  /** Where git and helm are. */
  readonly programPath: string;
}

/** As far as it came: with a `diagnosis` the rest is missing. */
export interface Rendered {
  readonly subject: Subject;
  readonly namespace: string;
  /** Which pull requests get a preview. */
  readonly when: When;
  readonly plan?: Plan;
  /** What the chart receives. */
  readonly values?: JsonObject;
  /** What Berth makes before anything else. */
  readonly confinement: readonly JsonObject[];
  /** What Helm installs. */
  readonly objects?: readonly JsonObject[];
  /** Why nothing would be deployed, as the pull request would say it. */
  readonly diagnosis?: Diagnosis;
  /** What a person should know of the result, one sentence each. */
  readonly notes: readonly string[];
}

/** Images are not built: this stands for what only a build can tell. */
const placeholderDigest = `sha256:${'0'.repeat(64)}`;

/** @throws RenderError when there is nothing to look at, or a program is missing. */
export async function render(config: PreviewConfig, options: RenderOptions, signal: AbortSignal): Promise<Rendered> {
  if (!(await isDirectory(options.directory))) throw new RenderError(`there is no directory ${options.directory}`);
  if (!options.planOnly) await checkHelm(config.HELM, options.programPath, signal);
  const temporary = await realpath(await mkdtemp(join(tmpdir(), 'berth-render-')));
  try {
    return await renderIn(temporary, config, options, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NoRepositoryError) throw new RenderError(error.message, { cause: error });
    throw explained(error, config.GIT, 'BERTH_GIT');
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function renderIn(
  temporary: string,
  config: PreviewConfig,
  options: RenderOptions,
  signal: AbortSignal,
): Promise<Rendered> {
  const { directory, programPath } = options;
  const local = { gitPath: config.GIT, programPath, temporaryDirectory: temporary };
  const repository = await openLocalRepository(directory, local, signal);
  const subject = await subjectOf(repository, options, signal);
  const { pullRequest, trust } = subject;
  const settings = planSettings(config);
  const namespace = namespaceName(settings.instance, pullRequest.key, pullRequest.repository.name);
  const wanted = { key: pullRequest.key, name: namespace, repository: pullRequest.repository, trust };
  const confinement = confiningObjects({ ...defaultKubernetesOptions, ...namespaceOptions(config) }, wanted);
  const known = { subject, namespace, when: {}, confinement, notes: [] };

  const forge = { branchRevision: async (_: unknown, branch: string) => branchRevision(repository, branch, signal) };
  const ports = { forge, source: subject.source };
  const { snapshot, manifest, fault } = await readConfiguration(ports, pullRequest, trust, signal);
  if (fault) return { ...known, diagnosis: fault };
  const begun = { ...known, when: manifest?.when ?? {} };
  let plan: Plan | undefined;
  try {
    const purpose = { manifest, pullRequest, namespace, trust, settings };
    plan = await planCode(purpose, trust === 'trusted' ? snapshot : subject.code, snapshot, signal);
    const digests = new Map(plan.images.map(({ name }) => [name, placeholderDigest]));
    await using release = await releaseRequest(plan, namespace, digests, snapshot, signal);
    const { values } = release.request;
    if (options.planOnly) return { ...begun, plan, values };
    const request = { ...release.request, isUpgrade: false };
    const { objects, asksCluster } = await renderOffline(helmOptions(temporary, config, options), request, signal);
    return { ...begun, plan, values, objects, notes: notesOn(plan, objects, asksCluster) };
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    return { ...begun, ...(plan && { plan }), diagnosis: error.diagnosis };
  }
}

function helmOptions(
  temporary: string,
  config: PreviewConfig,
  { kubernetesVersion, programPath }: RenderOptions,
): Parameters<typeof renderOffline>[0] {
  return {
    helmPath: config.HELM,
    builtInChartPath,
    directory: join(temporary, 'helm'),
    programPath,
    timeoutMs: config.HELM_TIMEOUT,
    plainHttpRegistries: config.INSECURE_REGISTRIES,
    podSecurity: config.POD_SECURITY,
    extraKinds: config.CHART_KINDS,
    extraAnnotations: config.CHART_ANNOTATIONS,
    untrustedRuntimeClass: config.UNTRUSTED_RUNTIME_CLASS,
    // Passwords that are made of it are stand-ins, like digests.
    passwordKey: 'berth render',
    ...(kubernetesVersion === undefined ? {} : { serverVersion: async () => fullVersion(kubernetesVersion) }),
  };
}

/** `v1.33.0` for `1.33`. */
function fullVersion(version: string): string {
  const numbers = version.replace(/^v/, '');
  return `v${numbers.split('.').length < 3 ? `${numbers}.0` : numbers}`;
}

function notesOn(plan: Plan, objects: readonly JsonObject[], asksCluster: boolean): readonly string[] {
  const services = new Set(objects.flatMap(({ kind, metadata }) => (kind === 'Service' ? [nameIn(metadata)] : [])));
  const missing = plan.routes.filter(({ service }) => !services.has(service));
  return [
    ...missing.map(
      ({ name, service }) => `the route ${name} leads to the Service ${service}, which the chart does not make`,
    ),
    ...(asksCluster
      ? ['the chart asks the cluster (`lookup`, `.Capabilities.APIVersions`): it was answered as by an empty one']
      : []),
  ];
}

function nameIn(metadata: unknown): unknown {
  return typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
