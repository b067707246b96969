import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { RegistryCannotListError, RetryLaterError } from '../../src/domain/errors.ts';
import type { Builder, StoredImage } from '../../src/ports.ts';
import { removeUnusedImages } from '../../src/reconcile/unused-images.ts';
import { fakeClock } from '../fakes/clock.ts';
import { fakeCluster } from '../fakes/cluster.ts';
import { fakeQueue } from '../fakes/queue.ts';
import { fakeStore } from '../fakes/store.ts';
import { fakeTelemetry } from '../fakes/telemetry.ts';
import { localStack } from '../local-stack.ts';
import { type RegistryProxy, startRegistryProxy } from './registry-proxy.ts';

const { signal } = new AbortController();
const retentionMs = 7 * 24 * 60 * 60 * 1000;
/** An eighth of it, and less than a day: after a longer pause the time begins anew. */
const stepMs = retentionMs / 8;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

interface Built {
  readonly mediaType: string;
  readonly manifest: { readonly layers?: readonly object[]; readonly config: { readonly digest: string } };
  readonly config: { readonly config: object };
}

describe('images in a real registry', { timeout: 180_000 }, () => {
  let folder: string;
  let proxy: RegistryProxy;
  let unique: string;
  /** Through the proxy. */
  let builder: Builder;
  let registry: string;
  let built: Built;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'builder-images-'));
    proxy = await startRegistryProxy();
    built = await build();
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    proxy.misbehave = undefined;
  });

  /** A registry's path of its own, and a builder that remembers nothing. */
  function begin(): void {
    unique = `test-${randomBytes(4).toString('hex')}`;
    registry = `${proxy.host}/${unique}`;
    const { tools, dockerHost } = localStack();
    builder = buildxBuilder({
      instance: 'berth.1',
      endpoints: [parseEndpoint(`docker:${dockerHost}`)],
      ownRegistry: registry,
      buildxPath: tools.buildx,
      buildTimeoutMs: 60_000,
      directory: folder,
      configDirectory: folder,
    });
  }

  async function twoImages(): Promise<readonly [StoredImage, StoredImage]> {
    begin();
    return [await image(), await image()];
  }

  /** What Berth builds, as the registry has it. */
  async function build(): Promise<Built> {
    begin();
    const contextPath = path.join(folder, 'context');
    const dockerfilePath = path.join(contextPath, 'Dockerfile');
    await mkdir(contextPath);
    await writeFile(dockerfilePath, 'FROM scratch\nENV UNIQUE=none\n');
    const ref = `${registry}/shop/web:c-${'0'.repeat(32)}`;
    const request = { ref, contextPath, dockerfilePath, target: undefined, args: {}, labels: {} };
    const { digest } = await builder.build({ ...request, trust: 'trusted' }, () => undefined, signal);
    const answer = await fetch(api(`manifests/${digest}`), { headers: { accept: manifestType } });
    const manifest = (await answer.json()) as Built['manifest'];
    assert.equal(manifest.layers?.length ?? 0, 0, 'no layers to copy');
    const config = (await (await fetch(api(`blobs/${manifest.config.digest}`))).json()) as Built['config'];
    return { mediaType: answer.headers.get('content-type') ?? '', manifest, config };
  }

  /** An image as the one that was built, with an environment of its own: to build each would take a minute. */
  async function image(): Promise<StoredImage> {
    const tagged = `c-${randomBytes(16).toString('hex')}`;
    const config = JSON.stringify({ ...built.config, config: { ...built.config.config, Env: [`UNIQUE=${tagged}`] } });
    const upload = await fetch(api('blobs/uploads/'), { method: 'POST' });
    const place = new URL(upload.headers.get('location') ?? '', api(''));
    place.searchParams.set('digest', digestOf(config));
    assert.equal((await fetch(place, { method: 'PUT', body: config })).status, 201);
    const described = { ...built.manifest.config, digest: digestOf(config), size: config.length };
    const manifest = JSON.stringify({ ...built.manifest, config: described });
    await put(tagged, built.mediaType, manifest);
    return { ref: `${registry}/shop/web:${tagged}`, digest: digestOf(manifest) };
  }

  const api = (rest: string) => `http://${localStack().registry}/v2/${unique}/shop/web/${rest}`;

  async function put(version: string, type: string, manifest: NonNullable<RequestInit['body']>): Promise<void> {
    const answer = await fetch(api(`manifests/${version}`), {
      method: 'PUT',
      headers: { 'content-type': type },
      body: manifest,
    });
    assert.equal(answer.status, 201, await answer.text());
  }

  /** Somebody else's tag on an image. */
  async function tag({ digest }: StoredImage, name: string): Promise<void> {
    const answer = await fetch(api(`manifests/${digest}`), { headers: { accept: manifestType } });
    await put(name, answer.headers.get('content-type') ?? '', await answer.bytes());
  }

  async function stored(): Promise<readonly string[]> {
    const refs: string[] = [];
    for await (const { ref } of builder.storedImages(registry, signal)) refs.push(ref);
    return refs.toSorted();
  }

  /** What removes unused images, in a world where nothing but the registry is real. */
  function chore() {
    const clock = fakeClock();
    const cluster = fakeCluster();
    const ports = {
      builder,
      clock,
      cluster,
      queue: fakeQueue(clock),
      store: fakeStore(clock),
      telemetry: fakeTelemetry(),
      log: pino({ level: 'silent' }),
    };
    const look = () => removeUnusedImages(ports, { registry, retentionMs }, signal);
    return {
      look,
      async serve({ digest }: StoredImage) {
        const { name, uid, fence: number } = cluster.world.add('pr-1', { repositoryId: 1, number: 1 });
        const outcome = { state: 'deployed', routes: [], hasDeleteHooks: false, images: [digest] } as const;
        await cluster.recordRelease(
          { name, uid, number },
          { version: 1, planDigest: 'p', revision: 'r', outcome },
          signal,
        );
      },
      /** Looks again and again, until one look before the images' time is over. */
      async lookUntilDue() {
        await look();
        for (let passed = 0; passed < retentionMs - stepMs; passed += stepMs) {
          await clock.advance(stepMs);
          await look();
        }
        await clock.advance(stepMs);
      },
      clock,
    };
  }

  const isThere = async ({ ref, digest }: StoredImage) => (await builder.digestOf(ref, signal)) === digest;

  it('removes what nothing has referred to for the whole time, and keeps what is in use', async () => {
    const [used, unused] = await twoImages();
    const it = chore();
    await it.serve(used);
    await it.lookUntilDue();
    assert.deepEqual([await isThere(used), await isThere(unused)], [true, true]);
    await it.look();
    assert.deepEqual([await isThere(used), await isThere(unused)], [true, false]);
  });

  const faults: readonly { readonly fault: string; misbehave(response: ServerResponse): void }[] = [
    { fault: '429', misbehave: (response) => response.writeHead(429, { 'retry-after': '5' }).end() },
    { fault: '500', misbehave: (response) => response.writeHead(500).end() },
    { fault: '503', misbehave: (response) => response.writeHead(503).end() },
    { fault: 'nothing, and cuts the connection', misbehave: (response) => response.destroy() },
    {
      fault: 'half an answer, and cuts the connection',
      misbehave(response) {
        response.writeHead(200, { 'content-length': '1000' }).write('{"tags": ["');
        setTimeout(() => response.destroy(), 20);
      },
    },
    { fault: 'something else than JSON', misbehave: (response) => response.end('<html>') },
  ];
  const places = [
    { place: 'repositories', path: /^\/v2\/_catalog/ },
    { place: 'tags', path: /\/tags\/list/ },
    { place: 'an image', path: /\/manifests\/c-/ },
  ];
  it('removes nothing when the registry answers with an error anywhere, and goes on afterwards', async () => {
    const [first, second] = await twoImages();
    const it = chore();
    await it.lookUntilDue();
    for (const { place, path: where } of places) {
      for (const { fault, misbehave } of faults) {
        // A HEAD has no body to be cut off.
        if (place === 'an image' && /half|JSON/.test(fault)) continue;
        let hits = 0;
        proxy.misbehave = ({ url = '' }, response) => {
          if (!where.test(url)) return false;
          hits += 1;
          misbehave(response);
          return true;
        };
        await assert.rejects(it.look(), (error) => {
          assert.equal(error instanceof RetryLaterError, fault === '429', `${place}: ${fault}`);
          return true;
        });
        assert.ok(hits > 0);
        proxy.misbehave = undefined;
        assert.deepEqual([await isThere(first), await isThere(second)], [true, true], `${place}: ${fault}`);
      }
    }
    await it.look();
    assert.deepEqual([await isThere(first), await isThere(second)], [false, false]);
  });

  it('removes nothing that one half of a tag list makes look unused', async () => {
    const [kept] = await twoImages();
    await tag(kept, 'latest');
    const it = chore();
    await it.lookUntilDue();
    const halfList = (_: IncomingMessage, response: ServerResponse) => {
      response.end(JSON.stringify({ name: `${unique}/shop/web`, tags: [kept.ref.split(':').at(-1)] }));
    };
    for (let look = 0; look < 2; look += 1) {
      proxy.misbehave = (request, response) => {
        if (!request.url?.includes('/tags/list')) return false;
        halfList(request, response);
        return true;
      };
      await it.look();
      proxy.misbehave = undefined;
      await it.clock.advance(stepMs);
      await it.look();
    }
    for (let look = 0; look < 8; look += 1) {
      await it.clock.advance(stepMs);
      await it.look();
    }
    assert.ok(await isThere(kept));
  });

  it('E14 keeps what is deployed when its tag is moved', async () => {
    const [deployed, other] = await twoImages();
    await tag(other, deployed.ref.split(':').at(-1) ?? '');
    const it = chore();
    await it.serve(deployed);
    await it.lookUntilDue();
    await it.look();
    assert.equal(await isThere(other), false);
    const pinned = `${registry}/shop/web@${deployed.digest}`;
    assert.equal(await builder.digestOf(pinned, signal), deployed.digest);
  });

  it('leaves out an image that an index of somebody else’s is made of', async () => {
    const [inIndex, plain] = await twoImages();
    const answer = await fetch(api(`manifests/${inIndex.digest}`), { headers: { accept: manifestType } });
    const size = (await answer.bytes()).length;
    const mediaType = answer.headers.get('content-type');
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType, digest: inIndex.digest, size }] };
    await put('v1', indexType, JSON.stringify(index));
    assert.deepEqual(await stored(), [plain.ref]);
  });

  it('knows its images through an index, too', async () => {
    const [first, second] = await twoImages();
    const answer = await fetch(api(`manifests/${first.digest}`), { headers: { accept: manifestType } });
    const size = (await answer.bytes()).length;
    const mediaType = answer.headers.get('content-type');
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType, digest: first.digest, size }] };
    const key = `c-${'0'.repeat(32)}`;
    await put(key, indexType, JSON.stringify(index));
    assert.deepEqual(await stored(), [first.ref, second.ref, `${registry}/shop/web:${key}`].toSorted());
  });

  it('reads lists page by page', async () => {
    const images = [...(await twoImages()), await image()];
    await tag(images[0] as StoredImage, 'latest');
    proxy.misbehave = (request) => {
      // As a registry with small pages would answer.
      if (request.url?.endsWith('/tags/list')) request.url += '?n=1';
      if (request.url?.endsWith('/_catalog')) request.url += '?n=3';
      return false;
    };
    const before = proxy.requests.length;
    assert.deepEqual(
      await stored(),
      images
        .slice(1)
        .map(({ ref }) => ref)
        .toSorted(),
    );
    const pages = proxy.requests.slice(before).filter((line) => line.includes('_catalog'));
    assert.ok(pages.length > 1, 'the registry has several repositories');
  });

  it('asks no other host for the rest of a list', async () => {
    await twoImages();
    proxy.misbehave = ({ url = '' }, response) => {
      if (!url.startsWith('/v2/_catalog')) return false;
      response.setHeader('link', '<http://elsewhere.test/v2/_catalog?last=x>; rel="next"');
      response.end(JSON.stringify({ repositories: [] }));
      return true;
    };
    await assert.rejects(stored(), /goes on at another host, elsewhere\.test/);
  });

  it('reads each image’s labels only once', async () => {
    await twoImages();
    await stored();
    const before = proxy.requests.length;
    await stored();
    assert.deepEqual(
      proxy.requests.slice(before).filter((line) => line.startsWith('GET ') && /blobs|manifests/.test(line)),
      [],
    );
  });

  for (const status of [401, 403, 404, 405]) {
    it(`says that a registry does not list when it answers ${status}`, async () => {
      await twoImages();
      proxy.misbehave = ({ url = '' }, response) => {
        if (!url.startsWith('/v2/_catalog')) return false;
        response.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : {}).end();
        return true;
      };
      await assert.rejects(stored(), RegistryCannotListError);
    });
  }

  const refusals = [
    { status: 405, want: /it does not remove images: switch that on .*REGISTRY_STORAGE_DELETE_ENABLED=true/ },
    { status: 400, code: 'UNSUPPORTED', want: /it does not remove images/ },
    { status: 403, want: /does not let us: give the account in BERTH_DOCKER_CONFIG the right to delete images/ },
    { status: 500, want: /HTTP 500/ },
  ];
  it('says what to change when the registry does not remove an image', async () => {
    const [stays] = await twoImages();
    for (const { status, code, want } of refusals) {
      proxy.misbehave = ({ method }, response) => {
        if (method !== 'DELETE') return false;
        response.writeHead(status).end(code === undefined ? '' : JSON.stringify({ errors: [{ code }] }));
        return true;
      };
      await assert.rejects(builder.removeImage(stays, signal), want);
    }
    proxy.misbehave = undefined;
    assert.ok(await isThere(stays));
  });

  it('asks for tokens that allow just what is done', async () => {
    const [first, second] = await twoImages();
    await writeFile(
      path.join(folder, 'config.json'),
      JSON.stringify({ auths: { [proxy.host]: { auth: btoa('bob:secret') } } }),
    );
    const scopes: string[] = [];
    proxy.misbehave = ({ method, url = '', headers }, response) => {
      const { pathname, searchParams } = new URL(url, `http://${proxy.host}`);
      if (pathname === '/token') {
        const scope = searchParams.get('scope') ?? '';
        scopes.push(scope);
        response.end(JSON.stringify({ token: scope, expires_in: 300 }));
        return true;
      }
      const actions = method === 'DELETE' ? 'pull,delete' : 'pull';
      const wanted = pathname === '/v2/_catalog' ? 'registry:catalog:*' : `repository:${unique}/shop/web:${actions}`;
      if (headers.authorization === `Bearer ${wanted}` || !pathname.startsWith(`/v2/`)) return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${proxy.host}/token",service="x"` }).end();
      return true;
    };
    // With others in the registry, only ours are asked about.
    assert.deepEqual(await stored(), [first.ref, second.ref].toSorted());
    await builder.removeImage(first, signal);
    assert.deepEqual(await stored(), [second.ref]);
    assert.deepEqual(scopes, [
      'registry:catalog:*',
      `repository:${unique}/shop/web:pull`,
      `repository:${unique}/shop/web:pull,delete`,
    ]);
    await rm(path.join(folder, 'config.json'));
  });
});

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
