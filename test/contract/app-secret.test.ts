import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CoreV1Api } from '@kubernetes/client-node';
import {
  type AppCredentials,
  type AppSecretStore,
  appSecretStore,
  SecretRefusedError,
} from '../../src/adapters/kubernetes/app-secret.ts';
import type { Right } from '../../src/adapters/kubernetes/rights.ts';
import { uniqueWord } from '../e2e/berth-environment.ts';
import { limitedAccount } from '../e2e/limited-account.ts';
import { startFaultProxy } from '../fault-proxy.ts';
import { localStack } from '../local-stack.ts';
import { stackAccess, stackKubeConfig } from './kubernetes-stack.ts';

const { signal } = new AbortController();
const absent = { state: 'absent' } as const;
const name = 'berth-github';
const app: AppCredentials = {
  appId: 12_345,
  privateKey: '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n',
  webhookSecret: 'a webhook secret',
  htmlUrl: 'https://github.com/apps/berth-acme',
  apiUrl: 'https://api.github.com',
};
const other = { ...app, appId: 2, htmlUrl: 'https://github.com/apps/berth-two', webhookSecret: 'another secret' };

describe('the Secret of berth setup', { timeout: 120_000 }, () => {
  const cluster = stackKubeConfig().makeApiClient(CoreV1Api);
  let namespace: string;
  let store: AppSecretStore;
  beforeEach(() => {
    namespace = uniqueWord('app-secret');
    store = appSecretStore(stackAccess(), { namespace, name });
  });
  afterEach(async () => {
    await store.close();
    await cluster.deleteNamespace({ name: namespace }).catch(() => undefined);
  });

  async function data(): Promise<Readonly<Record<string, string>>> {
    const secret = await cluster.readNamespacedSecret({ namespace, name });
    const decoded = Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    return Object.fromEntries(decoded) as Record<string, string>;
  }

  const expected = ({ appId, privateKey, webhookSecret }: AppCredentials) => ({
    'app-id': String(appId),
    'private-key': privateKey,
    'webhook-secret': webhookSecret,
  });

  const exists = () =>
    cluster.readNamespace({ name: namespace }).then(
      () => true,
      () => false,
    );

  it('is made with its namespace, under the keys that the chart expects', async () => {
    assert.deepEqual(await store.look(signal), absent);
    await store.tryOut(signal);
    assert.equal(await exists(), false, 'trying it out has made the namespace');
    await store.write(app, absent, signal);
    assert.deepEqual(await data(), expected(app));
    const { metadata } = await cluster.readNamespace({ name: namespace });
    assert.equal(metadata?.labels?.['kubernetes.io/metadata.name'], namespace);
    const found = await store.look(signal);
    assert.ok(found.state === 'ours');
    assert.equal(found.app, app.htmlUrl);
  });

  it('is tried out in a namespace that is there, without leaving anything', async () => {
    await cluster.createNamespace({ body: { metadata: { name: namespace } } });
    await store.tryOut(signal);
    assert.deepEqual(await store.look(signal), absent);
    const { items } = await cluster.listNamespacedSecret({ namespace, fieldSelector: 'type=Opaque' });
    assert.deepEqual(items, []);
  });

  it('never takes the place of one that somebody else has made', async () => {
    await cluster.createNamespace({ body: { metadata: { name: namespace } } });
    await cluster.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData: { key: 'theirs' } } });
    assert.deepEqual(await store.look(signal), { state: 'foreign' });
    await assert.rejects(store.write(app, absent, signal), SecretRefusedError);
    assert.deepEqual(await data(), { key: 'theirs' });
  });

  it('is replaced as a whole when that was agreed to', async () => {
    await store.write(app, absent, signal);
    await cluster.patchNamespacedSecret({
      namespace,
      name,
      body: [{ op: 'add', path: '/data/webhook-secret-old', value: 'b2xk' }],
    });
    await store.write(other, await store.look(signal), signal);
    assert.deepEqual(await data(), expected(other));
    const found = await store.look(signal);
    assert.ok(found.state === 'ours' && found.app === other.htmlUrl);
  });

  it('is left alone when it has changed since it was agreed to', async () => {
    await store.write(app, absent, signal);
    const agreed = await store.look(signal);
    await cluster.patchNamespacedSecret({
      namespace,
      name,
      body: [{ op: 'add', path: '/metadata/labels/changed', value: 'yes' }],
    });
    await assert.rejects(store.write(other, agreed, signal), /has changed it in the meantime/);
    assert.deepEqual(await data(), expected(app));
  });

  it('is known for ours when the answer to writing it was lost', async () => {
    await using proxy = await startFaultProxy(localStack());
    const faulty = appSecretStore(stackAccess(proxy.kubeconfigPath), { namespace, name });
    try {
      proxy.fault({ method: 'POST', path: /\/secrets$/ }, { do: 'drop', afterCommit: true }, 1);
      await faulty.write(app, absent, signal);
      proxy.fault({ method: 'PATCH', path: /\/secrets\// }, { do: 'drop', afterCommit: true }, 1);
      await faulty.write(other, await faulty.look(signal), signal);
      assert.deepEqual(await data(), expected(other));
    } finally {
      await faulty.close();
    }
  });

  it('takes no more than the right to make Secrets there, and says what is missing before an App is made', async () => {
    await cluster.createNamespace({ body: { metadata: { name: namespace } } });
    const right = { group: '', resource: 'secrets', name: undefined, namespace };
    const verbs = (...names: readonly Right['verb'][]) => names.map((verb) => ({ ...right, verb }));
    await using writer = await limitedAccount(stackKubeConfig(), verbs('get', 'create'));
    await using reader = await limitedAccount(stackKubeConfig(), verbs('get'));
    const [able, unable] = [writer, reader].map(({ kubeconfigPath }) =>
      appSecretStore(stackAccess(kubeconfigPath), { namespace, name }),
    );
    assert.ok(able && unable);
    try {
      await assert.rejects(unable.tryOut(signal), (error) => {
        assert.ok(error instanceof SecretRefusedError);
        assert.match(error.message, /trying to write the Secret berth-github .*cannot create resource "secrets"/);
        return true;
      });
      await able.tryOut(signal);
      await able.write(app, absent, signal);
      assert.deepEqual(await data(), expected(app));
    } finally {
      await able.close();
      await unable.close();
    }
  });
});
