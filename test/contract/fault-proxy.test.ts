import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type KubernetesApi, kubernetesApi } from '../../src/adapters/kubernetes/api.ts';
import { ApiError } from '../../src/adapters/kubernetes/api-error.ts';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { ConnectionError } from '../../src/adapters/kubernetes/exchange.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { localStack } from '../local-stack.ts';
import { stackAccess, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();

interface Stage extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** Through the proxy. */
  readonly api: KubernetesApi;
  /** Of ConfigMaps in a namespace of its own. */
  readonly path: string;
  exists(name: string): Promise<boolean>;
}

async function stage(): Promise<Stage> {
  const preview = await testPreview();
  await preview.prepare();
  const proxy = await startFaultProxy(localStack());
  const api = kubernetesApi(stackAccess(proxy.kubeconfigPath));
  const path = corePath(preview.name, 'configmaps');
  return {
    proxy,
    api,
    path,
    async exists(name) {
      const { items } = await preview.api.list<{ metadata: { name: string } }>({ path }, signal);
      return items.some(({ metadata }) => metadata.name === name);
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      await proxy[Symbol.asyncDispose]();
      await preview[Symbol.asyncDispose]();
    },
  };
}

const post = ({ path }: Stage, name: string) => ({ method: 'POST', path, body: { metadata: { name } } }) as const;
const posts = { method: 'POST', path: /configmaps$/ };

describe('fault proxy', { timeout: 60_000 }, () => {
  it('serves Berth and Helm like the API server itself, and remembers what they asked', async () => {
    await using it = await stage();
    await it.api.json(post(it, 'a'), signal);
    assert(await it.exists('a'));
    const { tools } = localStack();
    await promisify(execFile)(tools.helm, ['list', '--all-namespaces', '--kubeconfig', it.proxy.kubeconfigPath]);
    const seen = it.proxy.requests.map(({ method, path, userAgent }) => [method, path, userAgent.startsWith('Helm')]);
    assert.deepEqual(seen[0], ['POST', it.path, false]);
    assert.deepEqual(seen.at(-1), ['GET', '/api/v1/secrets', true]);
  });

  it('answers instead of the API server, as often as told', async () => {
    await using it = await stage();
    const rule = it.proxy.fault(posts, { do: 'answer', status: 409 }, 2);
    const conflict = (error: unknown) =>
      error instanceof ApiError && error.status === 409 && error.reason === 'Conflict';
    await assert.rejects(it.api.json(post(it, 'a'), signal), conflict);
    await assert.rejects(it.api.json(post(it, 'a'), signal), conflict);
    assert.equal(await it.exists('a'), false);
    await it.api.json(post(it, 'a'), signal);
    assert.equal(rule.hits, 2);
    const overload = it.proxy.fault({ path: /configmaps/ }, { do: 'answer', status: 429, retryAfterSeconds: 0 }, 1);
    await it.api.list({ path: it.path }, signal);
    assert.equal(overload.hits, 1);
  });

  it('loses the answer to what was carried out', async () => {
    await using it = await stage();
    const rule = it.proxy.fault(posts, { do: 'drop', afterCommit: true }, 1);
    // Sent again, it is there already.
    await assert.rejects(
      it.api.json(post(it, 'a'), signal),
      (error) => error instanceof ApiError && error.status === 409,
    );
    assert.equal(rule.hits, 1);
    it.proxy.fault(posts, { do: 'answer', status: 504, afterCommit: true }, 1);
    await assert.rejects(it.api.json(post(it, 'b'), signal), /AlreadyExists|already exists/);
    assert(await it.exists('b'));
  });

  it('drops requests until the rule is removed', async () => {
    await using it = await stage();
    const rule = it.proxy.fault(posts, { do: 'drop' });
    await assert.rejects(it.api.json(post(it, 'a'), signal), ConnectionError);
    assert.equal(await it.exists('a'), false);
    rule.remove();
    await it.api.json(post(it, 'a'), signal);
  });

  it('streams watches, ends them with a 410, silences them, and cuts them', async () => {
    await using it = await stage();
    const watch = async () => {
      const { metadata } = await it.api.list({ path: it.path }, signal);
      const request = { path: it.path, query: { resourceVersion: metadata.resourceVersion } };
      return it.api.watch<{ metadata: { name: string } }>(request, AbortSignal.timeout(3_000))[Symbol.asyncIterator]();
    };
    const expired = await watch();
    const event = expired.next();
    await it.proxy.next({ isWatch: true });
    await it.api.json(post(it, 'a'), signal);
    assert.equal((await event).value?.object.metadata.name, 'a');
    assert.equal(it.proxy.expireWatches(), 1);
    await assert.rejects(expired.next(), (error) => error instanceof ApiError && error.status === 410);

    const silent = await watch();
    const first = silent.next();
    await it.proxy.next({ isWatch: true });
    await it.api.json(post(it, 'b'), signal);
    await first;
    assert.equal(it.proxy.silenceWatches(), 1);
    const nothing = silent.next();
    await it.api.json(post(it, 'c'), signal);
    await assert.rejects(nothing, { name: 'TimeoutError' });

    const cut = await watch();
    const last = cut.next();
    await it.proxy.next({ isWatch: true });
    await it.api.json(post(it, 'd'), signal);
    await last;
    const broken = cut.next();
    it.proxy.cut();
    await assert.rejects(broken);

    it.proxy.fault({ isWatch: true }, { do: 'expire watch' }, 1);
    await assert.rejects((await watch()).next(), (error) => error instanceof ApiError && error.status === 410);
  });
});
