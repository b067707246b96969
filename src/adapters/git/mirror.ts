import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DiagnosedError } from '../../domain/errors.ts';
import { ExitError } from '../../process.ts';
import type { Git, GitBounds, GitCall } from './git.ts';
import type { Remote } from './remote.ts';

export interface MirrorOptions {
  readonly git: Git;
  readonly repositoryId: number;
  /** Absolute; this process is the only one that writes there. */
  readonly directory: string;
  readonly fetchTimeoutMs: number;
  readonly bounds: GitBounds;
  /** How many revisions stay when the mirror is cleaned; that happens whenever there are twice as many. */
  readonly keepRevisions: number;
}

/** What reads a repository: a mirror, or one that borrows the objects of another. */
export type Reader = Pick<Mirror, 'read' | 'repositoryId'>;

/**
 * A bare repository that holds single commits without their history. A revision is there when its own ref is: git
 * writes that last, after it has made sure that nothing is missing.
 */
export class Mirror {
  readonly repositoryId: number;
  readonly #options: MirrorOptions;
  /** Tree by revision, those that were asked for last at the end; emptied when the disk turns out to differ. */
  readonly #trees = new Map<string, string>();
  #last: Promise<void> = Promise.resolve();
  #opened = false;
  #damaged = false;
  /** How many are on the disk. */
  #revisions = 0;

  constructor(options: MirrorOptions) {
    this.repositoryId = options.repositoryId;
    this.#options = options;
  }

  /** The id of the revision's tree, after a fetch if need be. Fetches of one mirror wait for each other. */
  async tree(revision: string, remote: () => Promise<Fetch>, signal: AbortSignal): Promise<string> {
    const known = this.#damaged ? undefined : this.#touch(revision);
    if (known !== undefined) return known;
    return this.#exclusively(signal, async () => {
      if (this.#damaged) await this.#remove();
      if (!this.#opened) await this.#open(signal);
      await this.#markUsed();
      const tree = this.#touch(revision) ?? (this.#revisions === 0 ? undefined : await this.#find(revision, signal));
      return tree ?? this.#fetch(revision, await remote(), signal);
    });
  }

  /** Removes the mirror from the disk unless it was used since `usedSince`; it is made anew when it is used again. */
  removeUnlessUsed(usedSince: number, signal: AbortSignal): Promise<boolean> {
    return this.#exclusively(signal, async () => {
      if ((await stat(this.#options.directory)).mtimeMs >= usedSince) return false;
      await this.#remove();
      return true;
    });
  }

  /** Runs git on the mirror, for reading. If git fails for a damage of the mirror, its next use makes it anew. */
  async read(args: readonly string[], call: GitCall): ReturnType<Git> {
    try {
      return await this.#git(args, call);
    } catch (error) {
      await this.#examine(error, call.signal);
      throw error;
    }
  }

  #git(args: readonly string[], call: GitCall): ReturnType<Git> {
    return this.#options.git([`--git-dir=${this.#options.directory}`, ...args], call);
  }

  async #markUsed(): Promise<void> {
    const now = new Date();
    await utimes(this.#options.directory, now, now);
  }

  #touch(revision: string): string | undefined {
    const tree = this.#trees.get(revision);
    if (tree === undefined) return undefined;
    this.#trees.delete(revision);
    this.#trees.set(revision, tree);
    return tree;
  }

  async #find(revision: string, signal: AbortSignal): Promise<string | undefined> {
    const name = `${refPrefix}${revision}^{tree}`;
    const { code, stdout } = await this.#git(['rev-parse', '--verify', '--quiet', name], { signal, accept: [1, 128] });
    if (code !== 0) return undefined;
    const tree = stdout.trim();
    this.#trees.set(revision, tree);
    return tree;
  }

  async #fetch(revision: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
    try {
      await this.#git(
        [
          'fetch',
          '--quiet',
          '--depth=1',
          '--no-tags',
          '--no-write-fetch-head',
          '--no-recurse-submodules',
          '--end-of-options',
          fetch.remote.url,
          `${revision}:${refPrefix}${revision}`,
        ],
        {
          signal,
          timeoutMs: this.#options.fetchTimeoutMs,
          settings: fetch.remote.settings(fetch.token),
          bounds: this.#options.bounds,
        },
      );
    } catch (error) {
      const isTooLarge = await this.#hasFullFile();
      // However git ended, nobody else is at work here: what it left is in the way of the next one.
      await this.#removeLeftovers();
      if (isTooLarge && error instanceof ExitError) {
        const message = `the revision is larger than ${this.#options.bounds.fileBytes} bytes, packed`;
        throw new DiagnosedError({ reason: 'SourceInvalid', message }, { cause: error });
      }
      await this.#examine(error, signal);
      throw error;
    }
    const tree = await this.#find(revision, signal);
    if (tree === undefined) throw new Error(`git fetched something else than ${revision}`);
    this.#revisions += 1;
    // Should this fail, the caller hears of it, and finds the revision in place when trying again.
    if (this.#revisions >= 2 * this.#options.keepRevisions) await this.#clean(signal);
    return tree;
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { directory } = this.#options;
    const isNew = (await mkdir(directory, { recursive: true })) !== undefined;
    await this.#removeLeftovers();
    // Harmless when it exists; `--template=` keeps hooks out.
    await this.#git(['init', '--quiet', '--bare', '--template=', '--initial-branch=none'], { signal });
    await mkdir(path.join(directory, 'info'), { recursive: true });
    await writeFile(path.join(directory, 'info', 'attributes'), exactAttributes);
    this.#revisions = isNew ? 0 : (await this.#refs(signal)).length;
    this.#opened = true;
  }

  async #remove(): Promise<void> {
    await rm(this.#options.directory, { recursive: true, force: true });
    this.#trees.clear();
    this.#opened = false;
    this.#damaged = false;
  }

  /** Whether a fetch has come to its bound: the pack that it was writing is as large as a file may be. */
  async #hasFullFile(): Promise<boolean> {
    const folder = path.join(this.#options.directory, 'objects/pack');
    for (const file of await filesIn(folder)) {
      if (file.startsWith('tmp_') && (await stat(path.join(folder, file))).size >= this.#options.bounds.fileBytes)
        return true;
    }
    return false;
  }

  /** Deletes what a killed git leaves behind: locks, and packs that were being written. */
  async #removeLeftovers(): Promise<void> {
    const { directory } = this.#options;
    const folders = ['', 'refs', refPrefix, 'objects/pack', 'objects/info'];
    for (const folder of folders.map((name) => path.join(directory, name))) {
      for (const file of await filesIn(folder)) {
        if (/\.lock$|^tmp_|^\.tmp-|^gc\.pid$/.test(file)) await rm(path.join(folder, file), { force: true });
      }
    }
  }

  /** After git has failed: finds out whether something that the refs lead to is missing or broken. */
  async #examine(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof ExitError)) return;
    const check = ['fsck', '--connectivity-only', '--no-dangling', '--no-progress'];
    try {
      await this.#git(check, { signal, timeoutMs: this.#options.fetchTimeoutMs });
    } catch (failure) {
      if (!(failure instanceof ExitError)) throw failure;
      this.#damaged = true;
    }
  }

  /** Drops all but the revisions that were asked for last, and packs what is left. */
  async #clean(signal: AbortSignal): Promise<void> {
    const keep = new Set([...this.#trees.keys()].slice(-this.#options.keepRevisions));
    const drop = (await this.#refs(signal)).filter((ref) => !keep.has(ref.slice(refPrefix.length)));
    for (const revision of this.#trees.keys()) if (!keep.has(revision)) this.#trees.delete(revision);
    await this.#git(['update-ref', '--stdin'], { signal, input: drop.map((ref) => `delete ${ref}\n`).join('') });
    await this.#git(['gc', '--quiet', '--force', '--prune=now'], { signal, timeoutMs: this.#options.fetchTimeoutMs });
    this.#revisions = keep.size;
  }

  async #refs(signal: AbortSignal): Promise<readonly string[]> {
    const { stdout } = await this.#git(['for-each-ref', '--format=%(refname)', refPrefix], { signal });
    return stdout.split('\n').filter(Boolean);
  }

  async #exclusively<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = before.then(() => promise);
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      resolve();
    }
  }
}

export interface Fetch {
  readonly remote: Remote;
  readonly token: string;
}

const refPrefix = 'refs/berth/';

// Wins over every `.gitattributes` of the repository: what is written is byte for byte what the object id stands for.
// Source: git-scm.com/docs/gitattributes
export const exactAttributes = '* -text !eol -ident !filter !working-tree-encoding\n';

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
