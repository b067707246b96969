import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownLabels } from '../../../src/adapters/kubernetes/ownership.ts';
import { kubernetesServiceDirectory } from '../../../src/adapters/kubernetes/service-directory.ts';
import { apiServer, list, reply } from './api-server.ts';

const { signal } = new AbortController();
const namespace = 'pr-42-shop-k3x9ab';
const target = { kind: 'Pod', name: 'web-1', namespace };

interface World {
  readonly service?: object;
  readonly address?: object;
  readonly pod?: object;
}

/** Where the headless service `web` leads in a namespace that holds these objects. */
async function addressIn({ service = {}, address = { ip: '10.1.2.3', targetRef: target }, pod }: World) {
  const metadata = { name: 'web', uid: 'u', resourceVersion: '1' };
  const objects: Readonly<Record<string, object | undefined>> = {
    services: { metadata, spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 80 }], ...service } },
    endpoints: { metadata, subsets: [{ addresses: [address], ports: [{ port: 8080 }] }] },
    pods: pod && { metadata, spec: { containers: [] }, status: { podIP: '10.1.2.3' }, ...pod },
  };
  const own = {
    name: namespace,
    uid: 'u',
    resourceVersion: '1',
    labels: ownLabels('test', { repositoryId: 7, number: 42 }),
  };
  await using server = await apiServer((_, response, url) => {
    const found = objects[url.pathname.split('/').at(-2) ?? ''];
    if (url.searchParams.has('watch')) response.writeHead(200).flushHeaders();
    else if (url.pathname === '/api/v1/namespaces')
      reply(response, 200, { ...list(1, []), items: [{ metadata: own }] });
    else if (found) reply(response, 200, found);
    else reply(response, 404, { reason: 'NotFound' });
  });
  const directory = kubernetesServiceDirectory(server.access, { instance: 'test' });
  try {
    await directory.start(signal);
    return await directory.address(namespace, 'web', 80, signal);
  } finally {
    await directory.close();
  }
}

describe('the address of a headless service', { timeout: 20_000 }, () => {
  const rows: readonly (World & { readonly name: string; readonly isFollowed: boolean })[] = [
    { name: 'its pod has it', pod: {}, isFollowed: true },
    { name: 'the pod that is named has another', pod: { status: { podIP: '10.9.9.9' } }, isFollowed: false },
    { name: 'there is no such pod', isFollowed: false },
    { name: 'the pod has none yet', pod: { status: {} }, isFollowed: false },
    {
      name: 'the pod uses the network of its node',
      pod: { spec: { containers: [], hostNetwork: true } },
      isFollowed: false,
    },
    { name: 'no pod is named', pod: {}, address: { ip: '10.1.2.3' }, isFollowed: false },
    {
      name: 'something else is named',
      pod: {},
      address: { ip: '10.1.2.3', targetRef: { ...target, kind: 'Node' } },
      isFollowed: false,
    },
    { name: 'nothing is selected', pod: {}, service: { selector: undefined }, isFollowed: false },
    { name: 'the selector is empty', pod: {}, service: { selector: {} }, isFollowed: false },
    { name: 'it is an external name', pod: {}, service: { type: 'ExternalName' }, isFollowed: false },
  ];
  for (const { name, isFollowed, ...world } of rows) {
    it(`is ${isFollowed ? '' : 'not '}followed when ${name}`, async () => {
      assert.deepEqual(await addressIn(world), isFollowed ? { host: '10.1.2.3', port: 8080 } : undefined);
    });
  }
});
