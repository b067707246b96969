import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoints, KubernetesObject } from '../../src/adapters/kubernetes/objects.ts';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import {
  type KubernetesServiceDirectory,
  kubernetesServiceDirectory,
} from '../../src/adapters/kubernetes/service-directory.ts';
import { deployment, deploymentsPath, stackAccess, type TestPreview, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const routes = [{ name: 'web', service: 'web', port: 80, host: 'pr-1', url: 'https://pr-1.example.com' }];

interface Stage extends AsyncDisposable {
  readonly preview: TestPreview;
  readonly directory: KubernetesServiceDirectory;
}

async function stage(): Promise<Stage> {
  const preview = await testPreview();
  const directory = kubernetesServiceDirectory(stackAccess(), { instance: preview.instance });
  return {
    preview,
    directory,
    async [Symbol.asyncDispose]() {
      await directory.close();
      await preview[Symbol.asyncDispose]();
    },
  };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = AbortSignal.timeout(20_000);
  while (!(await condition())) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function service(name: string, spec: object): object {
  return { metadata: { name }, spec: { selector: { app: 'web' }, ...spec } };
}

describe('ServiceDirectory: Kubernetes', { timeout: 60_000 }, () => {
  it('knows our namespaces, those that come later too', async () => {
    await using it = await stage();
    const { preview, directory } = it;
    await directory.start(signal);
    assert.equal(directory.preview(preview.name), undefined);
    assert.equal(directory.preview('kube-system'), undefined);
    await preview.prepare();
    const outcome = { state: 'deployed', routes, hasDeleteHooks: false, images: [] } as const;
    await preview.cluster.recordRelease(
      await preview.fence(),
      { version: 1, planDigest: 'p', revision: 'r', outcome },
      signal,
    );
    await until(() => directory.preview(preview.name)?.routes.length === 1);
    assert.deepEqual(directory.preview(preview.name)?.routes, routes);
    await preview.cluster.deleteNamespace(preview.name, await preview.uid(), signal);
    await until(() => directory.preview(preview.name)?.terminating === true);
    await until(() => directory.preview(preview.name) === undefined);
  });

  it('finds where services listen', async () => {
    await using it = await stage();
    const { preview, directory } = it;
    await preview.prepare();
    await directory.start(signal);
    const services = corePath(preview.name, 'services');
    await preview.create(deploymentsPath(preview.name), deployment('web', {}));
    const named = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
    await preview.create(services, service('web', { ports: named }));
    await preview.create(services, service('headless', { clusterIP: 'None', ports: named }));
    await preview.create(services, service('elsewhere', { type: 'ExternalName', externalName: 'kubernetes.default' }));
    const find = (name: string, port = 80) => directory.address(preview.name, name, port, signal);

    const { spec } = await preview.api.json<{ spec: { clusterIP: string } }>({ path: `${services}/web` }, signal);
    assert.deepEqual(await find('web'), { host: spec.clusterIP, port: 80 });
    assert.equal(await find('web', 81), undefined);
    assert.equal(await find('missing'), undefined);
    assert.equal(await find('elsewhere'), undefined);
    assert.equal(await directory.address('default', 'kubernetes', 443, signal), undefined);
    await until(async () => (await find('headless')) !== undefined);
    assert.equal((await find('headless'))?.port, 8080);
  });

  it('follows nothing that was written by hand, wherever it leads', async () => {
    await using it = await stage();
    const { preview, directory } = it;
    await preview.prepare();
    await directory.start(signal);
    const ports = [{ port: 80, targetPort: 8080 }];
    const byHand = async (name: string, spec: object, ip: string, targetRef?: object) => {
      const addresses = [{ ip, ...(targetRef && { targetRef }) }];
      // First the endpoints: with a selector, Kubernetes would make its own as soon as there is a service.
      await preview.create(corePath(preview.name, 'endpoints'), {
        metadata: { name },
        subsets: [{ addresses, ports: [{ port: 8080 }] }],
      });
      await preview.create(corePath(preview.name, 'services'), { metadata: { name }, spec: { ports, ...spec } });
      assert.equal(await directory.address(preview.name, name, 80, signal), undefined, name);
    };
    const { subsets } = await preview.api.json<Endpoints>(
      { path: `${corePath('default', 'endpoints')}/kubernetes` },
      signal,
    );
    const apiServer = subsets?.[0]?.addresses?.[0]?.ip ?? '';
    assert.notEqual(apiServer, '');
    await preview.create(deploymentsPath(preview.name), deployment('web', {}));
    const podsPath = corePath(preview.name, 'pods');
    const podNames = async () =>
      (await preview.api.json<{ items: KubernetesObject[] }>({ path: podsPath }, signal)).items.map(
        ({ metadata }) => metadata.name,
      );
    await until(async () => (await podNames()).length > 0);
    const [name] = await podNames();
    const pod = { kind: 'Pod', name, namespace: preview.name };
    await byHand('api-server', {}, apiServer);
    await byHand('headless-api-server', { clusterIP: 'None' }, apiServer);
    await byHand('pretended-pod', { clusterIP: 'None' }, apiServer, pod);
    // A selector that picks nothing leaves the endpoints to whoever writes them last.
    await byHand('with-selector', { clusterIP: 'None', selector: { app: 'nobody' } }, '10.0.0.99', pod);
    await byHand('another-pod', { clusterIP: 'None', selector: { app: 'nobody' } }, '10.0.0.99', {
      ...pod,
      name: 'no-such-pod',
    });
    // These two the API server refuses by itself.
    for (const ip of ['169.254.169.254', '127.0.0.1']) {
      await assert.rejects(byHand(`local-${ip.replaceAll('.', '-')}`, {}, ip));
    }
  });

  it('stops at once when asked, and leaves nothing open', async () => {
    await using it = await stage();
    const { preview, directory } = it;
    await preview.prepare();
    await directory.start(signal);
    const reason = new Error('visitor left');
    await assert.rejects(directory.address(preview.name, 'web', 80, AbortSignal.abort(reason)), reason);
  });
});
