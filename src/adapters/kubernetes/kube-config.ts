/**
 * Access by a kubeconfig. It may name programs to run, identity providers and proxies, which is what client-node is for; that
 * takes a second to load, so it is loaded by whoever has a kubeconfig.
 */
import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ClusterAccess } from './cluster-access.ts';
import { openAgent } from './connection.ts';

/** There is no such kubeconfig, or nothing in it to use; the message says what it has. */
export class NoKubeConfigError extends Error {
  override readonly name = 'NoKubeConfigError';
}

/** The current context of the kubeconfig in that file. @throws when it cannot be read. */
export async function kubeConfigAccess(path: string): Promise<ClusterAccess> {
  const kubeConfig = await emptyKubeConfig();
  kubeConfig.loadFromFile(path);
  return accessOf(kubeConfig);
}

/**
 * The person's own way to the cluster: the kubeconfig in that file, or where kubectl looks for it; its current context unless
 * another one is named. @throws NoKubeConfigError when there is none.
 */
export async function personsAccess(path: string | undefined, context: string | undefined): Promise<ClusterAccess> {
  const kubeConfig = await emptyKubeConfig();
  if (path === undefined) kubeConfig.loadFromDefault();
  else kubeConfig.loadFromFile(path);
  if (context !== undefined) {
    const names = kubeConfig.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      throw new NoKubeConfigError(`the kubeconfig has no context "${context}"; it has ${names.join(', ') || 'none'}`);
    }
    kubeConfig.setCurrentContext(context);
  }
  // What client-node makes up when it finds nothing.
  if (kubeConfig.getCurrentContext() === 'loaded-context' || kubeConfig.getCurrentCluster() === null) {
    throw new NoKubeConfigError('there is no kubeconfig with a current context');
  }
  return accessOf(kubeConfig);
}

/** The current context of `kubeConfig`. */
export function accessOf(kubeConfig: KubeConfig): ClusterAccess {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new NoKubeConfigError('the kubeconfig has no current cluster');
  const server = cluster.server.replace(/\/$/, '');
  return {
    server,
    held: writtenIn(kubeConfig),
    async credentials() {
      const options: RequestOptions = {};
      await kubeConfig.applyToHTTPSOptions(options);
      const { auth, agent, ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
      if (auth) headers['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
      const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
      // That of client-node keeps no connection; only it knows the way through a proxy.
      return { headers, agent: cluster.proxyUrl === undefined ? openAgent(server, tls) : (agent as Agent) };
    },
  };
}

async function emptyKubeConfig(): Promise<KubeConfig> {
  const { KubeConfig } = await import('./kube-config-reader.ts');
  return new KubeConfig();
}

/** What speaks for us to the API server, as far as it is written down: a token, a password, a private key. */
function writtenIn(kubeConfig: KubeConfig): readonly string[] {
  return kubeConfig.getUsers().flatMap(({ token, password, keyData, authProvider }) => {
    const key = keyData === undefined ? undefined : Buffer.from(keyData, 'base64').toString('utf8');
    const { tokenFile } = (authProvider?.config ?? {}) as { tokenFile?: unknown };
    // Replaced about hourly, by others of a shape that is known.
    const fromFile = typeof tokenFile === 'string' ? readFileSync(tokenFile, 'utf8') : undefined;
    return [token, password, keyData, key, fromFile].filter((each) => each !== undefined);
  });
}
