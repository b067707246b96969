/** Runs Helm in surroundings of its own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { releaseName } from '../../domain/names.ts';
import { type RunResult, run } from '../../process.ts';
import type { HelmCluster, HelmOptions } from './options.ts';

export interface Helm {
  /** Runs a command that speaks to the cluster, as the namespace's deployer account. */
  inNamespace(namespace: string, args: readonly string[], run: HelmRun): Promise<RunResult>;
  /** Runs a command that needs no cluster. */
  offline(args: readonly string[], run: HelmRun): Promise<RunResult>;
  /** A fresh private directory, removed on disposal. */
  temporary(): Promise<AsyncDisposable & { readonly path: string }>;
}

export interface HelmRun {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** By default long enough for Helm to write down that it was interrupted. */
  readonly graceMs?: number;
  /** What the process may have of its own; it ends when it wants more. */
  readonly memoryBytes?: number;
  /** Receives standard output as it comes; what it throws ends the run. By default the result has the end of it. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** Helm needs a moment to write down that it was interrupted: SIGKILL would leave the release locked. */
const longGraceMs = 20_000;

/** `ulimit -d` counts what a process has allocated, not what Go's runtime reserves; the program takes the shell's place. */
const limited = 'ulimit -d "$1" && shift && exec "$@"';

/** A Helm whose configuration, caches and plugins are nobody else's. Nothing is written before the first run. */
export function helmCommand(options: HelmOptions): Helm {
  const { temporaryDirectory = options.directory } = options;
  const home = join(options.directory, 'home');
  const kubeconfigPath =
    'kubeconfigPath' in options.cluster ? options.cluster.kubeconfigPath : join(options.directory, 'kubeconfig.json');
  const offlineEnv = {
    HOME: home,
    PATH: options.programPath,
    // Helm's own plugins and post-renderers would be programs of somebody's choice.
    HELM_PLUGINS: join(home, 'no-plugins'),
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
    TMPDIR: temporaryDirectory,
    // Heeded by programs in Go. Source: pkg.go.dev/crypto/x509#SystemCertPool
    ...(options.authoritiesPath === undefined ? {} : { SSL_CERT_FILE: options.authoritiesPath }),
    ...(options.registryConfigPath === undefined ? {} : { HELM_REGISTRY_CONFIG: options.registryConfigPath }),
  };
  const clusterEnv = { ...offlineEnv, KUBECONFIG: kubeconfigPath };
  let prepared: Promise<void> | undefined;

  async function prepare(): Promise<void> {
    await mkdir(home, { recursive: true, mode: 0o700 });
    if (!('kubeconfigPath' in options.cluster)) {
      await writeFile(kubeconfigPath, JSON.stringify(kubeconfig(options.cluster)), { mode: 0o600 });
    }
  }

  async function start(args: readonly string[], env: Readonly<Record<string, string>>, helmRun: HelmRun) {
    prepared ??= prepare();
    await prepared;
    const { memoryBytes, ...bounds } = helmRun;
    const runOptions = { graceMs: longGraceMs, ...bounds, cwd: options.directory };
    if (memoryBytes === undefined) return await run(options.helmPath, args, { ...runOptions, env });
    const kib = String(Math.floor(memoryBytes / 1024));
    return await run('/bin/sh', ['-c', limited, 'sh', kib, options.helmPath, ...args], {
      ...runOptions,
      // Collects garbage in earnest before it comes to that.
      env: { ...env, GOMEMLIMIT: String(Math.floor(memoryBytes * 0.8)) },
    });
  }

  return {
    async inNamespace(namespace, args, helmRun) {
      const user = `system:serviceaccount:${namespace}:${options.deployerAccount}`;
      return await start([...args, '--namespace', namespace, '--kube-as-user', user], clusterEnv, helmRun);
    },
    offline: (args, helmRun) => start(args, offlineEnv, helmRun),
    async temporary() {
      prepared ??= prepare();
      await prepared;
      const path = await mkdtemp(join(temporaryDirectory, `${releaseName}-`));
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
    },
  };
}

/** A kubeconfig that reads the pod's token from its file, which the kubelet renews. */
function kubeconfig({ host, port, caPath, tokenPath }: Exclude<HelmCluster, { kubeconfigPath: string }>): object {
  const name = 'in-cluster';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority': caPath } }],
    users: [{ name, user: { tokenFile: tokenPath } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
}
