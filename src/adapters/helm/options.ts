/** What the Helm adapter needs to know of its surroundings. */
import type { GatePolicy } from '../../domain/gate.ts';

export interface HelmOptions {
  /** Absolute path of the `helm` program, 4.1.4 or newer (CVE-2026-35206). */
  readonly helmPath: string;
  readonly cluster: HelmCluster;
  /** Absolute path of the chart for repositories without one. */
  readonly builtInChartPath: string;
  /** Where Helm keeps its caches; made when it is missing, private to us. */
  readonly directory: string;
  /** Where runs keep their temporary files; it exists. By default `directory`. */
  readonly temporaryDirectory?: string;
  /** Service account in each preview's namespace that Helm acts as. */
  readonly deployerAccount: string;
  /** How many revisions of a release are kept. */
  readonly historyMax: number;
  /** The longest that a run may take, hooks included. */
  readonly timeoutMs: number;
  /** How long a chart may take to render. */
  readonly renderTimeoutMs: number;
  readonly podSecurity: GatePolicy['podSecurity'];
  readonly extraKinds: GatePolicy['extraKinds'];
  readonly extraAnnotations: GatePolicy['extraAnnotations'];
  /** RuntimeClass that pods of untrusted previews must name; `undefined` when they may name any or none. */
  readonly untrustedRuntimeClass: string | undefined;
  /** A secret from which each preview's `global.berth.passwordSeed` follows; `undefined` gives charts none. */
  readonly passwordKey: string | undefined;
  /** Kubernetes' version, e.g. `v1.33.1`; `undefined` where nobody knows it. */
  readonly serverVersion: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** Hosts of registries that are asked without TLS, e.g. `localhost:5000`. */
  readonly plainHttpRegistries: readonly string[];
  /** Credentials for registries, in Docker's format. */
  readonly registryConfigPath: string | undefined;
  /** A file with the certificates of all authorities to trust; by default the system's. */
  readonly authoritiesPath: string | undefined;
  /** Where programs are that the kubeconfig names to get credentials; nothing else is run. */
  readonly programPath: string;
  /** Reads the end of what a job of a hook said; `undefined` where nobody can. */
  readonly jobLog: ((namespace: string, job: string, signal: AbortSignal) => Promise<readonly string[]>) | undefined;
}

/** How the API server is reached. */
export type HelmCluster =
  | { readonly kubeconfigPath: string }
  /**
   * From inside the cluster. Written out as a kubeconfig, because client-go's own in-cluster mode silently ignores whom
   * it should impersonate: Helm would act with all of Berth's rights.
   */
  | { readonly host: string; readonly port: string; readonly caPath: string; readonly tokenPath: string };

export const defaultHelmOptions = {
  deployerAccount: 'berth-deployer',
  historyMax: 3,
  timeoutMs: 10 * 60_000,
  renderTimeoutMs: 60_000,
  podSecurity: 'restricted',
  extraKinds: [],
  extraAnnotations: [],
  untrustedRuntimeClass: undefined,
  passwordKey: undefined,
  serverVersion: undefined,
  plainHttpRegistries: [],
  registryConfigPath: undefined,
  authoritiesPath: undefined,
  programPath: '/usr/local/bin:/usr/bin:/bin',
  jobLog: undefined,
} as const;

/** What Helm may have of memory where a stranger decides how much it wants. */
export const helmMemoryBytes = 1024 * 1024 * 1024;

/** Beyond Helm's own limit, before it is ended from outside. */
export const helmSlackMs = 10_000;

/** A duration as Helm's options have it. */
export function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))}s`;
}
