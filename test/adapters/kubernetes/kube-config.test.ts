import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { kubernetesApi } from '../../../src/adapters/kubernetes/api.ts';
import { kubeConfigAccess, NoKubeConfigError, personsAccess } from '../../../src/adapters/kubernetes/kube-config.ts';
import { type ApiServer, apiServer, reply } from './api-server.ts';

const { signal } = new AbortController();

describe('access by a kubeconfig', { timeout: 30_000 }, () => {
  let folder: string;
  let server: ApiServer;
  let seen: unknown;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kube-config-'));
    server = await apiServer(({ headers }, response) => {
      seen = headers.authorization;
      reply(response, 200, { fine: true });
    });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** JSON is YAML. */
  async function kubeconfig(user: object, cluster: object = {}): Promise<string> {
    const path = join(folder, 'kubeconfig');
    const address = { server: server.kubeConfig.getCurrentCluster()?.server, 'insecure-skip-tls-verify': true };
    const content = {
      'current-context': 'one',
      clusters: [{ name: 'one', cluster: { ...address, ...cluster } }],
      users: [{ name: 'one', user }],
      contexts: ['one', 'other'].map((name) => ({ name, context: { cluster: 'one', user: 'one' } })),
    };
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  async function ask(path: string): Promise<void> {
    const api = kubernetesApi(await kubeConfigAccess(path));
    assert.deepEqual(await api.json({ path: '/version' }, signal), { fine: true });
    await api.close();
  }

  it('uses its token, its password, or what the program that it names gives', async () => {
    const program = join(folder, 'login');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'of the program' },
    };
    await writeFile(program, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
    await chmod(program, 0o755);
    const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const exec = { apiVersion: credential.apiVersion, command: program, interactiveMode: 'Never' };
    const users = [
      [{ token: 'written' }, 'Bearer written'],
      [{ username: 'me', password: 'secret' }, basic],
      [{ exec }, 'Bearer of the program'],
    ] as const;
    for (const [user, want] of users) {
      await ask(await kubeconfig(user));
      assert.equal(seen, want);
    }
  });

  it('goes through the proxy that it names', async () => {
    const asked: unknown[] = [];
    const proxy = createServer().on('connect', (request, socket, head) => {
      asked.push(request.url);
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    try {
      const { port } = proxy.address() as AddressInfo;
      await ask(await kubeconfig({ token: 'token' }, { 'proxy-url': `http://127.0.0.1:${port}` }));
      assert.equal(asked.length, 1);
      assert.equal(seen, 'Bearer token');
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('knows what is written in it that nobody else may see', async () => {
    const keyData = Buffer.from('PRIVATE KEY').toString('base64');
    const user = { token: 'the token', password: 'the password', 'client-key-data': keyData };
    const { held } = await kubeConfigAccess(await kubeconfig(user));
    assert.deepEqual(new Set(held), new Set(['the token', 'the password', keyData, 'PRIVATE KEY']));
  });

  it('takes the context that a person names, and lists them when there is no such one', async () => {
    const path = await kubeconfig({ token: 'token' });
    assert.equal((await personsAccess(path, 'other')).server, server.access.server);
    await assert.rejects(personsAccess(path, 'another'), {
      name: NoKubeConfigError.name,
      message: 'the kubeconfig has no context "another"; it has one, other',
    });
    await writeFile(path, '{}');
    await assert.rejects(personsAccess(path, undefined), {
      message: 'there is no kubeconfig with a current context',
    });
    await assert.rejects(kubeConfigAccess(path), { message: 'the kubeconfig has no current cluster' });
  });
});
