/** What the registry holds for one world, asked of the registry itself. */
import { z } from 'zod';

export interface RegistryImage {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  /** The revision that it was built from, as its label tells. */
  readonly revision: string | undefined;
}

const catalog = z.object({ repositories: z.array(z.string()) });
const tagList = z.object({ tags: z.array(z.string()).nullable() });
const manifest = z.object({
  config: z.object({ digest: z.string() }).optional(),
  manifests: z.array(z.object({ digest: z.string(), platform: z.object({ os: z.string() }).optional() })).optional(),
});
const config = z.object({ config: z.object({ Labels: z.record(z.string(), z.string()).optional() }).optional() });

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** Every image below a path of the registry. */
export async function imagesBelow(registry: string, path: string): Promise<readonly RegistryImage[]> {
  const images: RegistryImage[] = [];
  for (const repository of await repositoriesBelow(registry, path)) {
    const listed = await ask(registry, `/${repository}/tags/list`);
    const { tags } = listed ? tagList.parse(await listed.json()) : { tags: null };
    for (const tag of tags ?? []) {
      const answer = await ask(registry, `/${repository}/manifests/${tag}`);
      if (!answer) continue;
      const digest = answer.headers.get('docker-content-digest') ?? '';
      images.push({ repository, tag, digest, revision: await revisionOf(registry, repository, await answer.json()) });
    }
  }
  return images;
}

/** Removes every image below a path. */
export async function removeImages(registry: string, path: string): Promise<void> {
  const digests = new Set(
    (await imagesBelow(registry, path)).map(({ repository, digest }) => `${repository} ${digest}`),
  );
  for (const each of digests) {
    const [repository, digest] = each.split(' ');
    await ask(registry, `/${repository}/manifests/${digest}`, 'DELETE');
  }
}

async function repositoriesBelow(registry: string, path: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let last = path; ; ) {
    const answer = await ask(registry, `/_catalog?n=100&last=${encodeURIComponent(last)}`);
    const { repositories } = answer ? catalog.parse(await answer.json()) : { repositories: [] };
    const ours = repositories.filter((name) => name.startsWith(`${path}/`));
    found.push(...ours);
    // They come in the order of their names: the first stranger ends ours.
    const next = repositories.at(-1);
    if (next === undefined || ours.length < repositories.length) return found;
    last = next;
  }
}

async function revisionOf(registry: string, repository: string, body: unknown): Promise<string | undefined> {
  const { config: described, manifests } = manifest.parse(body);
  const [first] = manifests?.filter(({ platform }) => platform?.os !== 'unknown') ?? [];
  if (first) {
    const answer = await ask(registry, `/${repository}/manifests/${first.digest}`);
    return answer && revisionOf(registry, repository, await answer.json());
  }
  const answer = described && (await ask(registry, `/${repository}/blobs/${described.digest}`));
  return answer && config.parse(await answer.json()).config?.Labels?.['org.opencontainers.image.revision'];
}

/** @returns `undefined` for what is not there. */
async function ask(registry: string, path: string, method = 'GET'): Promise<Response | undefined> {
  const url = `http://${registry}/v2${path}`;
  const answer = await fetch(url, { method, headers: { accept }, signal: AbortSignal.timeout(10_000) });
  if (answer.ok) return answer;
  await answer.body?.cancel();
  if (answer.status === 404) return undefined;
  throw new Error(`${method} ${url}: ${answer.status}`);
}
