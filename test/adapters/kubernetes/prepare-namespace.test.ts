import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubernetesCluster } from '../../../src/adapters/kubernetes/cluster.ts';
import { apiServer, list, reply } from './api-server.ts';

const { signal } = new AbortController();

describe('prepareNamespace', () => {
  it('E10 lets nobody into the namespace before its quota counts', async () => {
    let looks = 0;
    await using server = await apiServer((request, response, url) => {
      const isQuota = url.pathname.endsWith('/resourcequotas/berth');
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method === 'PATCH') reply(response, 200, JSON.parse(Buffer.concat(chunks).toString()) as object);
        else if (request.method === 'POST') reply(response, 201, { metadata: { name: 'pr-1', uid: 'uid' } });
        else if (url.pathname.endsWith('/secrets')) reply(response, 200, list(1, []));
        else if (!isQuota) reply(response, 404, { reason: 'NotFound' });
        else {
          looks += 1;
          // At first there is no status at all, then a part of it.
          const used = [undefined, { pods: '0' }, { pods: '0', secrets: '1' }][looks - 1];
          reply(response, 200, { spec: { hard: { pods: '1', secrets: '9' } }, ...(used && { status: { used } }) });
        }
      });
    });
    const cluster = kubernetesCluster(server.access, { instance: 'mine' });
    const repository = { id: 1, owner: 'a', name: 'b', cloneUrl: '' };
    const key = { repositoryId: 1, number: 1 };
    await cluster.prepareNamespace({ key, name: 'pr-1', repository, trust: 'trusted' }, signal);
    await cluster.close();
    assert.equal(looks, 3);
    const lastLook = server.requests.findLastIndex((request) => /^GET .*\/resourcequotas\/berth/.test(request));
    const binding = server.requests.findIndex((request) => request.includes('/rolebindings/'));
    assert(binding > lastLook);
  });
});
