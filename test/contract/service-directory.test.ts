import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import {
  type KubernetesServiceDirectory,
  kubernetesServiceDirectory,
} from '../../src/adapters/kubernetes/service-directory.ts';
import { deployment, deploymentsPath, stackKubeConfig, type TestPreview, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const routes = [{ name: 'web', service: 'web', port: 80, host: 'pr-1', url: 'https://pr-1.example.com' }];

interface Stage extends AsyncDisposable {
  readonly preview: TestPreview;
  readonly directory: KubernetesServiceDirectory;
}

async function stage(): Promise<Stage> {
  const preview = await testPreview();
  const directory = kubernetesServiceDirectory(stackKubeConfig(), { instance: preview.instance });
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

  it('stops at once when asked, and leaves nothing open', async () => {
    await using it = await stage();
    const { preview, directory } = it;
    await preview.prepare();
    await directory.start(signal);
    const reason = new Error('visitor left');
    await assert.rejects(directory.address(preview.name, 'web', 80, AbortSignal.abort(reason)), reason);
  });
});
