/** Berth in the local cluster, installed by its chart as anybody would. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../deploy/local/run.ts';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { kubeConfigAccess } from '../../src/adapters/kubernetes/kube-config.ts';
import { endNamespace } from '../end-namespace.ts';

/** Values of charts/berth. */
export type Values = Readonly<Record<string, unknown>>;

/** What leads to a role from this machine. */
export interface Door {
  readonly address: string;
  readonly port: number;
}

export interface Installation extends AsyncDisposable {
  /** Of the release, of its namespace, and so of everything that is Berth's. */
  readonly name: string;
  /** Makes or replaces a Secret in the namespace, which it makes as well. */
  secret(name: string, data: Readonly<Record<string, string>>): Promise<void>;
  /** `helm upgrade --install` with these values, and the time until all pods are the new ones and ready. */
  install(values: Values): Promise<void>;
  /** `helm uninstall`, and the time until it is done. */
  uninstall(): Promise<void>;
  /** `helm test`. @throws with what its pods said. */
  test(): Promise<void>;
  /** Where a Service of the release listens: `server` for webhooks, `gateway` for previews. */
  door(role: 'server' | 'gateway'): Promise<Door>;
  /** Runs a command in a pod of Berth's that has this role. @returns its output. */
  execute(role: string, argv: readonly string[]): Promise<string>;
  /** Everything that Berth's pods have logged, but for those that are going. */
  logs(): Promise<string>;
  /** Every object of the release that the cluster has, pods and what is made of other objects excepted. */
  objects(): Promise<readonly string[]>;
  kubectl(argv: readonly string[], input?: string): Promise<string>;
}

const chart = fileURLToPath(new URL('../../charts/berth', import.meta.url));
const patience = '300s';

/** A release of that name, not yet installed. Disposal removes it, its namespace, and the previews that it has left. */
export async function installation({ tools, kubeconfig }: LocalStack, name: string): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: kubeconfig };
  const helm = (...argv: readonly string[]) => run([tools.helm, '--namespace', name, ...argv], { env });
  const kubectl = (argv: readonly string[], input?: string) =>
    run([tools.kubectl, '--namespace', name, ...argv], { env, ...(input === undefined ? {} : { input }) });
  const ofRelease = `app.kubernetes.io/instance=${name}`;
  const berths = `${ofRelease},berth.dev/program=berth`;

  return {
    name,
    kubectl,
    async secret(secretName, stringData) {
      const objects = [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } },
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: secretName }, stringData },
      ];
      await kubectl(['apply', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    },
    async install(values) {
      const file = join(folder, 'values.yaml');
      await writeFile(file, JSON.stringify(values), { mode: 0o600 }); // JSON is YAML
      await helm('upgrade', '--install', name, chart, '--create-namespace', '--values', file);
      for (const kind of ['statefulsets', 'deployments']) {
        await kubectl(['rollout', 'status', kind, `--selector=${ofRelease}`, `--timeout=${patience}`]);
      }
    },
    async uninstall() {
      await helm('uninstall', name, '--wait', `--timeout=${patience}`, '--ignore-not-found');
      await kubectl(['wait', 'pods', `--selector=${ofRelease}`, '--for=delete', `--timeout=${patience}`]);
    },
    async test() {
      try {
        await helm('test', name, `--timeout=${patience}`);
      } catch (cause) {
        const tests = `--selector=${ofRelease},app.kubernetes.io/component in (doctor,test)`;
        throw new Error(await kubectl(['logs', tests, '--tail=-1']), { cause });
      }
    },
    async door(role) {
      const service = JSON.parse(await kubectl(['get', 'service', `${name}-${role}`, '--output=json'])) as Service;
      return { address: service.spec.clusterIP, port: service.spec.ports[0]?.port ?? 0 };
    },
    async execute(role, argv) {
      const selector = `--selector=${ofRelease},berth.dev/role-${role}=true`;
      const [pod = ''] = (await kubectl(['get', 'pods', selector, '--output=name'])).split('\n');
      return kubectl(['exec', pod, '--container=berth', '--', ...argv]);
    },
    async logs() {
      const pods = JSON.parse(await kubectl(['get', 'pods', `--selector=${berths}`, '--output=json'])) as PodList;
      // Of a pod that goes the kubelet may have thrown them away already.
      const staying = pods.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const texts = staying.map(({ metadata }) => kubectl(['logs', metadata.name, '--container=berth']));
      return (await Promise.all(texts)).join('');
    },
    async objects() {
      const kinds = (await kubectl(['api-resources', '--verbs=list', '--output=name'])).split('\n').filter(Boolean);
      const asked = kinds.filter((kind) => !/^(pods|events|endpoints|endpointslices)\b/.test(kind)).join(',');
      const found = await kubectl(['get', asked, '--all-namespaces', `--selector=${ofRelease}`, '--output=name']);
      return found.split('\n').filter(Boolean);
    },
    async [Symbol.asyncDispose]() {
      await helm('uninstall', name, '--ignore-not-found');
      const previews = `--selector=berth.dev/instance=${name}`;
      const left = (await kubectl(['get', 'namespaces', previews, '--output=name'])).split('\n').filter(Boolean);
      const api = kubernetesApi(await kubeConfigAccess(kubeconfig));
      for (const each of [...left, `namespace/${name}`]) await endNamespace(api, each.slice('namespace/'.length));
      await api.close();
      await rm(folder, { recursive: true });
    },
  };
}

interface PodList {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly deletionTimestamp?: string } }[];
}

interface Service {
  readonly spec: {
    readonly clusterIP: string;
    readonly ports: readonly { readonly port: number }[];
  };
}
