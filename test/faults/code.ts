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

/** What the base branch says about forks; trusted code brings its own configuration. */
export const bases = ['plain', 'on request', 'broken'] as const;
export type Base = (typeof bases)[number];

export interface Code {
  readonly source: Source;
  readonly builder: Builder;
  /** A revision that the repository has; when a fork is `home`, that is where it was pushed to. */
  commit(repositoryId: number, content: Content, home?: number): string;
  commitBase(repositoryId: number, base: Base): string;
  baseOf(revision: string): Base;
  isBase(revision: string): boolean;
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
  /** Revisions of forks whose code was fetched or built before anybody who may had approved them. */
  readonly foreignTouched: readonly string[];
}

/** @param wasApproved whether somebody has said of a fork's revision that it may be touched. */
export function codeInMemory(wasApproved: (revision: string) => boolean): Code {
  const git = fakeSource();
  const contents = new Map<string, Content>();
  const images = new Map<string, string>();
  const builtFrom = new Map<string, Content>();
  const homes = new Map<string, number>();
  const built = new Set<string>();
  const baseKinds = new Map<string, Base>();
  let outages = 0;
  const push = (ref: string, content: Content): string => {
    const digest = `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
    images.set(ref, digest);
    builtFrom.set(digest, content);
    return digest;
  };
  const foreignTouched: string[] = [];
  const touch = (revision: string, repositoryId: number) => {
    if (homes.get(revision) !== repositoryId && !wasApproved(revision))
      foreignTouched.push(`${revision} in ${repositoryId}`);
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
    commit(repositoryId, content, home = repositoryId) {
      // GitHub gives a fork's revisions from the repository that they are meant for.
      const revision = git.commit(repositoryId, filesOf(content));
      contents.set(revision, content);
      homes.set(revision, home);
      return revision;
    },
    commitBase(repositoryId, base) {
      const revision = git.commit(repositoryId, baseFiles[base]);
      homes.set(revision, repositoryId);
      baseKinds.set(revision, base);
      return revision;
    },
    isBase: (revision) => baseKinds.has(revision),
    baseOf(revision) {
      const base = baseKinds.get(revision);
      if (!base) throw new Error(`${revision} was never the tip of a base branch`);
      return base;
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

const requestOnly = 'when: { label: wanted }\n';
const mistake = 'images: 3\n';
const baseFiles: Readonly<Record<Base, Files>> = {
  plain: {},
  'on request': { '.berth.yaml': requestOnly },
  broken: { '.berth.yaml': mistake },
};

function filesOf({ fate, variant }: Content): Files {
  const app = { Dockerfile: 'FROM base\nCOPY app.txt .\n', 'app.txt': `${fate} ${variant}` };
  switch (fate) {
    case 'on request':
      return { ...app, '.berth.yaml': requestOnly };
    case 'manifest is wrong':
      return { ...app, '.berth.yaml': mistake };
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
