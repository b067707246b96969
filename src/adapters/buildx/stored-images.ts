/** The images in the registry that are ours to remove. */
import { z } from 'zod';
import { AnswerTooLargeError, boundedJson } from '../../bounded-answer.ts';
import { isContentKey } from '../../domain/content-key.ts';
import type { StoredImage } from '../../ports.ts';
import { imageName } from './image-name.ts';
import { manifestTypes } from './registry.ts';
import { askRegistry, type RegistryConnection, unexpected } from './registry-connection.ts';
import { type RegistryRepository, repositoryPaths, tagsOf } from './registry-lists.ts';

/** On each image: which Berth has built it. Several may share a registry. */
export const instanceLabel = 'dev.berth.instance';

const descriptor = z.object({ digest: z.string(), size: z.number() });
const manifest = z.object({ config: descriptor.optional(), manifests: z.array(descriptor).optional() });
const imageConfig = z.object({
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});
type Manifest = z.output<typeof manifest>;

/** Whoever writes the Dockerfile has a say in how large this is. */
const maxConfigBytes = 8 * 1024 * 1024;

/**
 * Lists images whose tag is a content key and whose labels say that `instance` has built them. An image that somebody
 * else's tag leads to as well is left out, be it by way of an index.
 */
export function imageLister(
  connection: RegistryConnection,
  instance: string,
): (registry: string, signal: AbortSignal) => AsyncGenerator<StoredImage, void> {
  /** By digest: what an image's labels say can never change. Holds what the last complete list has led to. */
  let known: ReadonlyMap<string, boolean> = new Map();

  return async function* storedImages(registry, signal) {
    signal.throwIfAborted();
    // The name of an image below it shows where the registry's host ends.
    const below = imageName(`${registry}/x`);
    const { host } = below;
    const seen = new Map<string, boolean>();
    for (const path of await repositoryPaths(connection, host, below.path.slice(0, -1), signal)) {
      const ask = repositoryReader(connection, { host, path });
      const tags = await tagsOf(connection, { host, path }, signal);
      const ours = tags.filter(isContentKey);
      if (ours.length === 0) continue;
      const others = await digestsBehind(
        ask,
        tags.filter((tag) => !isContentKey(tag)),
        signal,
      );
      for (const tag of ours) {
        const digest = await ask.digestOf(tag, signal);
        if (digest === undefined || others.has(digest)) continue;
        const isOurs = seen.get(digest) ?? known.get(digest) ?? (await hasLabel(ask, digest, instance, signal));
        seen.set(digest, isOurs);
        if (isOurs) yield { ref: `${host}/${path}:${tag}`, digest };
      }
    }
    known = seen;
  };
}

/** Every digest that the tags lead to, the images of indexes among them. */
async function digestsBehind(
  ask: RepositoryReader,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for (const tag of tags) {
    const digest = await ask.digestOf(tag, signal);
    if (digest === undefined || digests.has(digest)) continue;
    digests.add(digest);
    const index = await ask.manifest(digest, signal);
    for (const image of index?.manifests ?? []) digests.add(image.digest);
  }
  return digests;
}

/** Whether the image, or one of an index, carries our label. */
async function hasLabel(
  ask: RepositoryReader,
  digest: string,
  instance: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await ask.manifest(digest, signal);
  const images = found?.manifests
    ? await Promise.all(found.manifests.map((it) => ask.manifest(it.digest, signal)))
    : [found];
  for (const image of images) {
    if (image?.config === undefined || image.config.size > maxConfigBytes) continue;
    const labels = await ask.labels(image.config.digest, signal);
    if (labels[instanceLabel] === instance) return true;
  }
  return false;
}

/** Registries take manifests of 4 MiB at most; of a config, nothing but what a Dockerfile says is large. */
const maxDocumentBytes = 8 * 1024 ** 2;

/** What is too large says as little to us as what is of another kind: one such image must not hide the others. */
async function saidBy(response: Response): Promise<unknown> {
  try {
    return await boundedJson(response, maxDocumentBytes);
  } catch (error) {
    if (error instanceof AnswerTooLargeError) return undefined;
    throw error;
  }
}

/** Reads one repository. What is not there is `undefined`, everything else that is not an answer throws. */
interface RepositoryReader {
  digestOf(tag: string, signal: AbortSignal): Promise<string | undefined>;
  manifest(digest: string, signal: AbortSignal): Promise<Manifest | undefined>;
  labels(configDigest: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
}

function repositoryReader(connection: RegistryConnection, { host, path }: RegistryRepository): RepositoryReader {
  function ask<T>(
    method: 'HEAD' | 'GET',
    what: string,
    signal: AbortSignal,
    read: (response: Response) => Promise<T> | T,
  ): Promise<T | undefined> {
    return askRegistry(host, `${path}/${what}`, signal, async (bounded) => {
      const request = { method, host, path: `/v2/${path}/${what}`, scope: `repository:${path}:pull` } as const;
      const response = await connection.request({ ...request, accept: manifestTypes }, bounded);
      if (response.ok) return read(response);
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      throw unexpected(host, response);
    });
  }
  return {
    digestOf: (tag, signal) =>
      ask('HEAD', `manifests/${tag}`, signal, (response) => {
        const digest = response.headers.get('docker-content-digest');
        if (digest === null) throw new Error('it does not tell the digest');
        return digest;
      }),
    manifest: (digest, signal) =>
      ask('GET', `manifests/${digest}`, signal, async (response) => manifest.safeParse(await saidBy(response)).data),
    async labels(configDigest, signal) {
      const config = await ask('GET', `blobs/${configDigest}`, signal, async (response) => {
        return imageConfig.safeParse(await saidBy(response)).data;
      });
      return config?.config?.Labels ?? {};
    },
  };
}
