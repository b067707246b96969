import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { kubernetesApi } from '../../../src/adapters/kubernetes/api.ts';
import {
  type PodAccount,
  serviceAccountAccess,
  ServiceAccountError,
} from '../../../src/adapters/kubernetes/service-account.ts';
import { type Authority, certificateAuthority } from '../../installed/authority.ts';
import { type Handler, reply } from './api-server.ts';

const { signal } = new AbortController();

describe('access by the service account of a pod', { timeout: 30_000 }, () => {
  let folder: string;
  let authority: Authority;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'service-account-'));
    authority = await certificateAuthority();
    await writeFile(join(folder, 'ca.crt'), authority.certificate);
  });
  after(async () => {
    await authority[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const writeToken = (token: string) => writeFile(join(folder, 'token'), token);
  const podAt = (host: string, port: number): PodAccount => ({
    host,
    port: String(port),
    caPath: join(folder, 'ca.crt'),
    tokenPath: join(folder, 'token'),
  });

  /** An API server at that address with a certificate of `authority`. */
  async function serverAt(host: string, handle: Handler) {
    const { certificate, key } = await authority.issue(host);
    const server = createServer({ cert: certificate, key }, (request, response) =>
      handle(request, response, new URL(request.url ?? '/', 'https://server')),
    );
    server.listen(0, host);
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  }

  for (const host of ['127.0.0.1', '::1']) {
    it(`speaks to ${host} with the token, and trusts the authority that comes with it`, async () => {
      await writeToken('first\n');
      const seen: unknown[] = [];
      await using server = await serverAt(host, ({ headers }, response) => {
        seen.push(headers.authorization, headers['user-agent']);
        reply(response, 200, { fine: true });
      });
      const access = await serviceAccountAccess(podAt(host, server.port));
      const api = kubernetesApi(access);
      assert.deepEqual(await api.json({ path: '/version' }, signal), { fine: true });
      await api.close();
      assert.deepEqual(seen, ['Bearer first', 'berth']);
      assert.deepEqual(access.held, ['first']);
    });
  }

  it('does not speak to a server that another authority vouches for', async () => {
    await writeToken('token');
    const seen: unknown[] = [];
    await using server = await serverAt('127.0.0.1', ({ headers }, response) => {
      seen.push(headers.authorization);
      reply(response, 200, {});
    });
    await using other = await certificateAuthority();
    await writeFile(join(folder, 'other.crt'), other.certificate);
    const pod = { ...podAt('127.0.0.1', server.port), caPath: join(folder, 'other.crt') };
    const api = kubernetesApi(await serviceAccountAccess(pod));
    await assert.rejects(
      api.json({ path: '/version' }, signal),
      (error: Error) => (error.cause as { code?: string }).code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
    await api.close();
    assert.deepEqual(seen, []);
  });

  it('reads the token anew when the one it has is refused', async () => {
    await writeToken('old');
    let valid = 'Bearer old';
    const seen: unknown[] = [];
    await using server = await serverAt('127.0.0.1', ({ headers }, response) => {
      seen.push(headers.authorization);
      reply(response, headers.authorization === valid ? 200 : 401, { fine: true });
    });
    const api = kubernetesApi(await serviceAccountAccess(podAt('127.0.0.1', server.port)));
    await api.json({ path: '/x' }, signal);
    await writeToken('new');
    valid = 'Bearer new';
    assert.deepEqual(await api.json({ path: '/x' }, signal), { fine: true });
    await api.close();
    assert.deepEqual(seen, ['Bearer old', 'Bearer old', 'Bearer new']);
  });

  it('says what to change when the pod has no account, or an empty one', async () => {
    const todo = '; set automountServiceAccountToken: true for the pod, or name a kubeconfig in BERTH_KUBECONFIG';
    const tokenPath = join(folder, 'none');
    const pod = { ...podAt('127.0.0.1', 1), tokenPath };
    await assert.rejects(serviceAccountAccess(pod), (error) => {
      assert(error instanceof ServiceAccountError);
      const said = `ENOENT: no such file or directory, open '${tokenPath}'`;
      assert.equal(error.message, `reading the pod's service account: ${said}${todo}`);
      return true;
    });
    await writeFile(tokenPath, '\n');
    await assert.rejects(serviceAccountAccess(pod), {
      name: 'ServiceAccountError',
      message: `reading the pod's service account: ${tokenPath} is empty${todo}`,
    });
  });

  it('says so, too, when the certificates are not there by the time they are needed', async () => {
    await writeToken('token');
    const api = kubernetesApi(
      await serviceAccountAccess({ ...podAt('127.0.0.1', 1), caPath: join(folder, 'gone.crt') }),
    );
    await assert.rejects(api.json({ path: '/x' }, signal), ServiceAccountError);
    // They may come.
    await assert.rejects(api.json({ path: '/x' }, signal), ServiceAccountError);
    await api.close();
  });
});
