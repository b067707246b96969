import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { type Endpoint, parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { startBuildkitBridge } from './buildkit-bridge.ts';
import { fakeBuilder } from '../fakes/builder.ts';
import { localStack } from '../local-stack.ts';
import { describeBuilderContract, type BuilderSubject } from './builder.contract.ts';

describeBuilderContract('in memory', async () => {
  const builder = fakeBuilder();
  const other = fakeBuilder('other', builder.images);
  const base = 'registry.example/library/busybox:stable';
  builder.images.set(base, { digest: `sha256:${'0'.repeat(64)}`, labels: {}, env: [] });
  return {
    builder,
    other,
    base,
    registry: 'registry.example/acme',
    repository: 'registry.example/acme/shop',
    async tag(ref, tag) {
      const image = builder.images.get(ref);
      if (image) builder.images.set(ref.replace(/:[^:]*$/, `:${tag}`), image);
    },
    inspect: async (ref) => builder.images.get(ref) ?? Promise.reject(new Error(`no ${ref}`)),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describeBuilderContract('buildx, the BuildKit of a Docker daemon', () =>
  realSubject(parseEndpoint(`docker:${localStack().dockerHost}`)),
);

describeBuilderContract('buildx, a remote BuildKit', async () => {
  const bridge = await startBuildkitBridge(localStack().dockerHost);
  const subject = await realSubject(parseEndpoint(bridge.url));
  return {
    ...subject,
    async [Symbol.asyncDispose]() {
      await subject[Symbol.asyncDispose]();
      await bridge[Symbol.asyncDispose]();
    },
  };
});

async function realSubject(endpoint: Endpoint): Promise<BuilderSubject> {
  const { registry, tools } = localStack();
  const directory = await mkdtemp(path.join(tmpdir(), 'buildx-builder-'));
  const own = `${registry}/test-${randomBytes(4).toString('hex')}`;
  const options = {
    endpoints: [endpoint],
    ownRegistry: own,
    buildxPath: tools.buildx,
    buildTimeoutMs: 60_000,
    directory,
  };
  return {
    builder: buildxBuilder({ ...options, instance: 'berth.1' }),
    other: buildxBuilder({ ...options, instance: 'berth.2' }),
    base: `${registry}/library/busybox:stable`,
    registry: own,
    repository: `${own}/shop`,
    tag,
    inspect: (ref) => inspect(ref),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

async function tag(ref: string, newTag: string): Promise<void> {
  const [, host, name, oldTag] = /^([^/]+)\/(.+):([^:]+)$/.exec(ref) ?? [];
  const manifests = `http://${host}/v2/${name}/manifests`;
  const manifest = await fetch(`${manifests}/${oldTag}`, { headers: { accept } });
  const headers = { 'content-type': manifest.headers.get('content-type') ?? '' };
  const answer = await fetch(`${manifests}/${newTag}`, { method: 'PUT', headers, body: await manifest.bytes() });
  if (!answer.ok) throw new Error(`${ref}: HTTP ${answer.status}`);
}

/** Asks the registry's API, on a way of its own. */
async function inspect(ref: string): ReturnType<BuilderSubject['inspect']> {
  const [, host, name, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(ref) ?? [];
  const answer = await fetch(`http://${host}/v2/${name}/manifests/${tag}`, { headers: { accept } });
  if (!answer.ok) throw new Error(`${ref}: HTTP ${answer.status}`);
  const manifest = (await answer.json()) as { config: { digest: string } };
  const blob = await fetch(`http://${host}/v2/${name}/blobs/${manifest.config.digest}`);
  const { config } = (await blob.json()) as { config: { Labels?: Record<string, string>; Env?: string[] } };
  return {
    digest: answer.headers.get('docker-content-digest') ?? '',
    labels: config.Labels ?? {},
    env: config.Env ?? [],
  };
}
