/** Removes from the registry what nothing has referred to for long. */
import { RegistryCannotListError, RetryLaterError } from '../domain/errors.ts';
import { parseImageReference } from '../domain/image-reference.ts';
import type { StoredImage } from '../ports.ts';
import type { Ports } from './ports.ts';

type ImagePorts = Pick<Ports, 'builder' | 'cluster' | 'queue' | 'store' | 'clock' | 'telemetry' | 'log'>;

/** How often to look. */
export const unusedImagesEveryMs = 60 * 60 * 1000;
/** How long what was seen is remembered: after a longer pause, the time begins anew for every image. */
const memoryMs = 24 * unusedImagesEveryMs;
/** The rest has time until the next look; whatever is wrong with us, it empties no registry at once. */
const maxRemovals = 100;
/** A registry that refuses so many is not asked for more in this run. */
const maxFailures = 3;
/** How long not to say again that the registry does not list. */
const toldMs = 30 * 24 * unusedImagesEveryMs;

/** One image, under all its tags in one repository. */
interface Candidate {
  /** `<registry>/<path>@<digest>` */
  readonly id: string;
  readonly digest: string;
  readonly refs: readonly string[];
}

/**
 * Looks at every image of ours once, and removes those that every look for `retentionMs` has found unused: the release
 * of no namespace is made with them, and nobody waits for their build. An error in any list removes nothing.
 *
 * A preview that finds an image by its tag just when it is removed, and deploys it before its namespace says so, gets a
 * digest that cannot be pulled. Nothing locks that out, because nothing is lost: such a preview is not settled, so
 * the next sweep looks at it, finds no image behind the tag and builds it. For this to happen, content must come back
 * unchanged after the whole retention, within the seconds between two requests.
 */
export async function removeUnusedImages(
  ports: ImagePorts,
  { registry, retentionMs }: { readonly registry: string; readonly retentionMs: number },
  signal: AbortSignal,
): Promise<void> {
  const candidates = await listed(ports, registry, signal);
  if (candidates === undefined) return;
  const known = parsedMemory(await ports.store.get(memoryKey(registry)));
  const now = ports.clock.now();
  const served = await servedDigests(ports, signal);
  const memory = new Map<string, number>();
  for (const candidate of candidates) {
    if (served.has(candidate.digest) || (await isAwaited(ports, candidate))) continue;
    memory.set(candidate.id, known.get(candidate.id) ?? now);
  }
  const remember = () => ports.store.set(memoryKey(registry), textOf(memory), memoryMs);
  await remember();
  const unused = candidates.map((candidate) => ({ candidate, since: memory.get(candidate.id) ?? Infinity }));
  const due = unused.filter(({ since }) => now - since >= retentionMs).toSorted((a, b) => a.since - b.since);
  const failures: unknown[] = [];
  for (const { candidate, since } of due.slice(0, maxRemovals)) {
    try {
      if (await removeIfUnused(ports, candidate, since, signal)) continue;
      memory.delete(candidate.id);
      await remember();
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      if (error instanceof RetryLaterError || failures.length === maxFailures) break;
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Looks once more, and removes the image. @returns false when it is used by now. */
async function removeIfUnused(
  ports: ImagePorts,
  candidate: Candidate,
  since: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { digest, refs } = candidate;
  const [ref = ''] = refs;
  if (await isAwaited(ports, candidate)) return false;
  if ((await servedDigests(ports, signal)).has(digest)) return false;
  await ports.builder.removeImage({ ref, digest }, signal);
  ports.telemetry.reclaimed('image');
  const unusedMs = ports.clock.now() - since;
  ports.log.info({ ref, digest, tags: refs.length, unusedMs }, 'unused image removed');
  return true;
}

/** `undefined` when the registry does not list, which is said once. */
async function listed(
  { builder, store, log }: Pick<Ports, 'builder' | 'store' | 'log'>,
  registry: string,
  signal: AbortSignal,
): Promise<readonly Candidate[] | undefined> {
  const images = new Map<string, StoredImage[]>();
  try {
    for await (const image of builder.storedImages(registry, signal)) {
      const id = `${parseImageReference(image.ref)?.repository}@${image.digest}`;
      images.set(id, [...(images.get(id) ?? []), image]);
    }
  } catch (err) {
    if (!(err instanceof RegistryCannotListError)) throw err;
    if ((await store.get(toldKey(registry))) === undefined) {
      const remedy =
        'unused images are left to the registry: give it a retention policy of its own for these repositories';
      log.info({ err, registry, remedy }, 'registry cannot list its images');
    }
    await store.set(toldKey(registry), 'yes', toldMs);
    return undefined;
  }
  return [...images].flatMap(([id, tags]) =>
    tags[0] ? [{ id, digest: tags[0].digest, refs: tags.map(({ ref }) => ref) }] : [],
  );
}

/** Digests of the images that previews are served from, those of namespaces that are on their way out among them. */
async function servedDigests({ cluster }: Pick<Ports, 'cluster'>, signal: AbortSignal): Promise<ReadonlySet<string>> {
  return new Set((await cluster.previews(signal)).flatMap(({ images }) => images));
}

/** Whether somebody waits for a build of one of its tags. */
async function isAwaited({ queue }: Pick<Ports, 'queue'>, { refs }: Candidate): Promise<boolean> {
  return [...(await queue.builds(refs)).values()].some(({ state }) => state === 'building');
}

function memoryKey(registry: string): string {
  return `unused-images:${registry}`;
}

function toldKey(registry: string): string {
  return `cannot-list:${registry}`;
}

/** A line for each image: since when, and which. */
function textOf(since: ReadonlyMap<string, number>): string {
  return [...since].map(([id, at]) => `${at} ${id}`).join('\n');
}

function parsedMemory(text: string | undefined): ReadonlyMap<string, number> {
  const since = new Map<string, number>();
  for (const line of text?.split('\n') ?? []) {
    const [at, id] = line.split(' ');
    if (id && Number.isFinite(Number(at))) since.set(id, Number(at));
  }
  return since;
}
