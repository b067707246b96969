/** What people push: revisions whose fate can be told from their files, and git and BuildKit that never touch the disk. */
import { createHash } from 'node:crypto';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Builder, Snapshot, Source } from '../../src/ports.ts';
import type { Files } from '../contract/source.contract.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { fakeSource } from '../fakes/source.ts';

/** What becomes of a revision in the end. */
export const fates = [
  'ready',
  'on request',
  'pods are slow',
  'built elsewhere',
  'build fails',
  'pods crash',
  'chart fails',
  'manifest is wrong',
] as const;
export type Fate = (typeof fates)[number];

/** A revision's content: equal ones give equal images. */
export interface Content {
  readonly fate: Fate;
  readonly variant: number;
}

export interface Code {
  readonly source: Source;
  readonly builder: Builder;
  commit(repositoryId: number, content: Content): string;
  /** Somebody else has built the image of a revision. */
  buildElsewhere(revision: string): void;
  /** References of the images that the registry has. */
  readonly images: ReadonlyMap<string, string>;
  /** The registry loses an image. */
  loseImage(ref: string): void;
  hasImage(digest: string): boolean;
  /** No build succeeds for so long. */
  outage(forMs: number, clock: FakeClock): void;
  /** Revisions that were built. */
  readonly built: ReadonlySet<string>;
  contentOf(revision: string): Content;
  /** What an image was built from; `undefined` for a digest that was never made. */
  builtFrom(digest: string): Content | undefined;
  /** Revisions whose code was fetched or built though they were pushed to another repository than the one asked for. */
  readonly foreignTouched: readonly string[];
}

export function codeInMemory(): Code {
  const git = fakeSource();
  const contents = new Map<string, Content>();
  const images = new Map<string, string>();
  const builtFrom = new Map<string, Content>();
  const homes = new Map<string, number>();
  const built = new Set<string>();
  let outages = 0;
  const push = (ref: string, content: Content): string => {
    const digest = `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
    images.set(ref, digest);
    builtFrom.set(digest, content);
    return digest;
  };
  const foreignTouched: string[] = [];
  const touch = (revision: string, repositoryId: number) => {
    if (homes.get(revision) !== repositoryId) foreignTouched.push(`${revision} in ${repositoryId}`);
  };

  return {
    foreignTouched,
    images,
    built,
    builtFrom: (digest) => builtFrom.get(digest),
    hasImage: (digest) => [...images.values()].includes(digest),
    loseImage: (ref) => void images.delete(ref),
    outage(forMs, clock) {
      outages += 1;
      clock.after(forMs, () => void (outages -= 1));
    },
    buildElsewhere(revision) {
      const content = contents.get(revision);
      if (content) push(elsewhere(revision), content);
    },
    commit(repositoryId, content) {
      const revision = git.commit(repositoryId, filesOf(content));
      contents.set(revision, content);
      homes.set(revision, repositoryId);
      return revision;
    },
    contentOf(revision) {
      const content = contents.get(revision);
      if (!content) throw new Error(`nobody has pushed ${revision}`);
      return content;
    },
    source: {
      async at(repository, revision, signal) {
        touch(revision, repository.id);
        const snapshot = await git.at(repository, revision, signal);
        const onPaper: Snapshot = {
          ...snapshot,
          async export(path, itsSignal) {
            itsSignal.throwIfAborted();
            return { path: `/${repository.id}/${revision}/${path}`, [Symbol.asyncDispose]: () => Promise.resolve() };
          },
        };
        return onPaper;
      },
    },
    builder: {
      async digestOf(ref, signal) {
        signal.throwIfAborted();
        return images.get(ref);
      },
      async build({ ref, contextPath }, onLog, signal) {
        signal.throwIfAborted();
        const [, repositoryId, revision = ''] = contextPath.split('/');
        touch(revision, Number(repositoryId));
        const content = contents.get(revision);
        if (!content) throw new Error(`building ${ref}: nobody has pushed ${revision}`);
        onLog(`building ${ref}`);
        if (outages > 0) throw new Error('no BuildKit is within reach');
        if (content.fate === 'build fails') {
          throw new DiagnosedError({ reason: 'BuildFailed', message: 'The image cannot be built.' });
        }
        built.add(revision);
        return { digest: push(ref, content) };
      },
      async *storedImages(registry, signal) {
        signal.throwIfAborted();
        for (const [ref, digest] of images) if (ref.startsWith(`${registry}/`)) yield { ref, digest };
      },
      async removeImage({ digest }, signal) {
        signal.throwIfAborted();
        for (const [ref, stored] of images) if (stored === digest) images.delete(ref);
      },
    },
  };
}

function elsewhere(revision: string): string {
  return `ghcr.test/acme/web:${revision}`;
}

function filesOf({ fate, variant }: Content): Files {
  const app = { Dockerfile: 'FROM base\nCOPY app.txt .\n', 'app.txt': `${fate} ${variant}` };
  switch (fate) {
    case 'on request':
      return { ...app, '.berth.yaml': 'when: { label: wanted }\n' };
    case 'manifest is wrong':
      return { ...app, '.berth.yaml': 'images: 3\n' };
    case 'built elsewhere':
      return { ...app, '.berth.yaml': `images: { web: { from: "${elsewhere('${sha}')}" } }\n` };
    case 'ready':
    case 'pods are slow':
    case 'build fails':
    case 'pods crash':
    case 'chart fails':
      return app;
  }
}
