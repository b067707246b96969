/** Berth's image as a pod runs it, confined and with a service account, on the network of this machine. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../deploy/local/free-port.ts';
import { run } from '../deploy/local/run.ts';
import type { LocalStack } from '../deploy/local/stack.ts';
import { neededRights } from '../src/adapters/kubernetes/rights.ts';
import { limitedAccount } from './e2e/limited-account.ts';
import { prepareCluster } from './e2e/prepare-cluster.ts';

/** What a pod at Pod Security level `restricted` with a read-only root gets. */
export const confined = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'] as const;
export const volumes = ['--tmpfs=/tmp', '--tmpfs=/var/lib/berth:uid=65532,mode=700'] as const;

export interface BerthContainer extends AsyncDisposable {
  readonly name: string;
  /** Host and port. */
  readonly operations: string;
}

export interface ContainerPlace extends AsyncDisposable {
  /** Starts the image; disposal removes the container. */
  start(roles: readonly string[]): Promise<BerthContainer>;
}

/** What pods of that image are given: a service account with the rights of all roles, settings, and a Redis. */
export async function containerPlace(
  stack: LocalStack,
  reference: string,
  redisUrl: string,
  word: string,
): Promise<ContainerPlace> {
  const env = { ...process.env, DOCKER_HOST: stack.dockerHost };
  const docker = (...args: readonly string[]) => run([stack.tools.docker, ...args], { env, timeoutMs: 60_000 });
  const roles = ['server', 'worker', 'gateway', 'sweep'];
  const account = await limitedAccount(await prepareCluster(stack), neededRights('berth-deployer', undefined, roles));
  const folder = await mkdtemp(join(tmpdir(), `${word}-`));
  const given = join(folder, 'given');
  const accountFiles = join(folder, 'account');
  await Promise.all([given, accountFiles].map((each) => mkdir(each)));
  const apiServer = await writeAccount(account.kubeconfigPath, accountFiles);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(join(given, 'key.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  await Promise.all([folder, given, accountFiles].map((each) => chmod(each, 0o755)));
  const mounts = [
    `--mount=type=bind,source=${given},target=/given,readonly`,
    `--mount=type=bind,source=${accountFiles},target=/var/run/secrets/kubernetes.io/serviceaccount,readonly`,
  ];
  const listen = async () => `127.0.0.1:${await freePort()}`;
  return {
    async start(only) {
      const name = `${word}-${randomBytes(3).toString('hex')}`;
      const operations = await listen();
      const settings = {
        KUBERNETES_SERVICE_HOST: apiServer.hostname,
        KUBERNETES_SERVICE_PORT: apiServer.port || '443',
        BERTH_ROLES: only.join(','),
        BERTH_GITHUB_APP_ID: '1',
        BERTH_GITHUB_PRIVATE_KEY_FILE: '/given/key.pem',
        BERTH_GITHUB_WEBHOOK_SECRET: randomBytes(16).toString('hex'),
        BERTH_GITHUB_API_URL: 'http://127.0.0.1:1',
        BERTH_REDIS_URL: redisUrl,
        BERTH_REDIS_PREFIX: `{${word}}`,
        BERTH_REGISTRY: `${stack.registry}/${word}`,
        BERTH_PREVIEW_DOMAIN: 'localhost',
        BERTH_BUILDKIT: 'tcp://127.0.0.1:1',
        BERTH_INSTANCE: word,
        BERTH_OPERATIONS_LISTEN: operations,
        BERTH_LISTEN: await listen(),
        BERTH_GATEWAY_LISTEN: await listen(),
      };
      const variables = Object.entries(settings).map(([key, value]) => `--env=${key}=${value}`);
      const options = ['--detach', '--network=host', `--name=${name}`, ...confined, ...volumes, ...mounts];
      await docker('run', ...options, ...variables, reference);
      return {
        name,
        operations,
        async [Symbol.asyncDispose]() {
          await docker('rm', '--force', '--volumes', name).catch(() => undefined);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await account[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Writes what the kubelet would, of a kubeconfig with a token. @returns the API server's URL. */
async function writeAccount(kubeconfigPath: string, folder: string): Promise<URL> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  const data = cluster?.['certificate-authority-data'];
  const file = cluster?.['certificate-authority'];
  const ca = data === undefined ? await readFile(file ?? '', 'utf8') : Buffer.from(data, 'base64').toString();
  await Promise.all([writeFile(join(folder, 'ca.crt'), ca), writeFile(join(folder, 'token'), user?.token ?? '')]);
  return new URL(cluster?.server ?? '');
}

interface Kubeconfig {
  readonly clusters: readonly [
    {
      readonly cluster: {
        readonly server: string;
        readonly 'certificate-authority'?: string;
        readonly 'certificate-authority-data'?: string;
      };
    },
  ];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}
