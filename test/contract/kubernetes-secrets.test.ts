import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import type { Secret } from '../../src/adapters/kubernetes/objects.ts';
import type { NamespaceRequest } from '../../src/ports.ts';
import { type TestPreview, testPreview } from './kubernetes-stack.ts';
import { type SecretSource, secretSource } from './secret-source.ts';

const { signal } = new AbortController();
const cloneUrl = 'https://example.com/a/b';
const acmeShop = { id: 1, owner: 'Acme', name: 'shop', cloneUrl };

describe('Kubernetes: Secrets of a preview', { timeout: 120_000 }, () => {
  let source: SecretSource;
  let preview: TestPreview;
  beforeEach(async () => {
    source = await secretSource();
    preview = await testPreview({ secrets: source.options });
  });
  afterEach(async () => {
    await preview[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
  });

  function request(changes: Partial<NamespaceRequest> = {}): NamespaceRequest {
    return { key: preview.key, name: preview.name, repository: acmeShop, trust: 'trusted', ...changes };
  }

  const prepare = async (wanted = request()) => await preview.cluster.prepareNamespace(wanted, signal);

  async function isPrepared(wanted = request()): Promise<boolean> {
    const { namespace } = await preview.cluster.observe(preview.key, preview.name, wanted, signal);
    return namespace.state === 'active' && namespace.prepared;
  }

  const isDisturbed = async () => (await preview.cluster.disturbed(signal)).has(await preview.uid());

  /** Those in the preview's namespace, by name; Kubernetes' own are left out. */
  async function present(): Promise<Readonly<Record<string, Secret>>> {
    const { items } = await preview.api.list<Secret>({ path: corePath(preview.name, 'secrets') }, signal);
    const others = items.filter(({ type }) => type !== 'kubernetes.io/service-account-token');
    return Object.fromEntries(others.map((secret) => [secret.metadata.name, secret]));
  }

  const names = async () => Object.keys(await present());
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it('are those given to its repository, with their name, type and data', async () => {
    const login = { username: 'ci', password: 'correct horse' };
    await source.put('database', { repositories: 'acme/shop', data: login, type: 'kubernetes.io/basic-auth' });
    await source.put('all', { repositories: 'other/x, ACME/*', data: { key: 'value-of-all' } });
    await source.put('foreign', { repositories: 'acme/shop2, mallory/shop', data: { key: 'not-ours' } });
    await prepare();
    const { database, all, ...rest } = await present();
    assert.deepEqual(rest, {});
    assert.equal(database?.type, 'kubernetes.io/basic-auth');
    assert.deepEqual(database.data, { username: base64('ci'), password: base64('correct horse') });
    assert.deepEqual(Object.keys(database.metadata.annotations ?? {}), ['berth.dev/source']);
    assert.deepEqual(all?.data, { key: base64('value-of-all') });
    assert(await isPrepared());
    for (const value of ['correct horse', 'value-of-all']) assert(source.held.includes(value), value);
    assert(!source.held.includes('not-ours'), 'what is not given is not read');
  });

  it('are none for untrusted code, whatever was there before', async () => {
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    await prepare(request({ trust: 'untrusted' }));
    assert.deepEqual(await names(), []);
    await prepare();
    assert.deepEqual(await names(), ['database']);
    await prepare(request({ trust: 'untrusted' }));
    assert.deepEqual(await names(), []);
  });

  it('are kept current, and taken away with what gave them', async () => {
    await source.put('a', { repositories: 'acme/shop', data: { password: 'first' } });
    await source.put('b', { repositories: 'acme/shop', data: { password: 'bbbbbb' } });
    await prepare();
    assert.equal(await isDisturbed(), false);
    await source.put('a', { repositories: 'acme/shop', data: { password: 'second', user: 'ci' } });
    assert.equal(await isPrepared(), false);
    assert.equal(await isDisturbed(), true);
    await prepare();
    assert.equal(await isDisturbed(), false);
    assert.deepEqual((await present())['a']?.data, { password: base64('second'), user: base64('ci') });
    await source.put('a', { repositories: 'acme/shop', data: { username: 'ci' }, type: 'kubernetes.io/basic-auth' });
    await source.put('b', { repositories: 'acme/other', data: { password: 'bbbbbb' } });
    assert.equal(await isPrepared(), false);
    await prepare();
    assert.equal((await present())['a']?.type, 'kubernetes.io/basic-auth');
    assert.deepEqual(await names(), ['a']);
    await source.remove('a');
    assert.equal(await isPrepared(), false);
    assert.equal(await isDisturbed(), true);
    await prepare();
    assert.deepEqual(await names(), []);
    assert(await isPrepared());
  });

  it('are lost by a repository that is called otherwise by now', async () => {
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    await prepare();
    const renamed = request({ repository: { ...acmeShop, owner: 'mallory' } });
    assert.equal(await isPrepared(renamed), false);
    await prepare(renamed);
    assert.deepEqual(await names(), []);
  });

  it('are as at their source, whatever a chart has made of them', async () => {
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    await prepare();
    const path = `${corePath(preview.name, 'secrets')}/database`;
    const body = { data: { password: base64('mine'), more: base64('mine') } };
    await preview.api.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }, signal);
    assert.equal(await isPrepared(), false);
    await prepare();
    assert.deepEqual((await present())['database']?.data, { password: base64('correct horse') });
  });

  it('take the place of one that a chart has made under the name', async () => {
    await prepare();
    const path = corePath(preview.name, 'secrets');
    await preview.create(path, { metadata: { name: 'database' }, stringData: { password: 'theirs', user: 'theirs' } });
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    assert.equal(await isPrepared(), false);
    await prepare();
    assert.deepEqual((await present())['database']?.data, { password: base64('correct horse') });
  });

  it("never are a service account's token, nor what poses as Helm's record", async () => {
    const serviceAccount = 'kubernetes.io/service-account.name';
    await source.put('token', {
      repositories: 'acme/shop',
      data: {},
      type: 'kubernetes.io/service-account-token',
      annotations: { [serviceAccount]: 'default' },
    });
    await source.put('release', { repositories: 'acme/shop', data: { release: 'x' }, type: 'helm.sh/release.v1' });
    await prepare();
    assert.deepEqual(await names(), []);
    assert(await isPrepared());
    assert.equal(await isDisturbed(), false);
  });

  it('do not touch those that the preview has of its own', async () => {
    await prepare();
    await preview.create(corePath(preview.name, 'secrets'), { metadata: { name: 'own' }, stringData: { a: 'b' } });
    await prepare();
    assert.deepEqual(await names(), ['own']);
  });
});
