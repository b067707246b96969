import { DiagnosedError } from '../../domain/errors.ts';
import type { Directory, Snapshot, TreeEntry } from '../../ports.ts';
import { exportTree, type ExportOptions } from './export.ts';
import type { Reader } from './mirror.ts';
import { ObjectMemory } from './object-memory.ts';
import { forEachRecord, type ListedEntry, parseEntry } from './tree.ts';

/** What was read of objects lately, of each repository apart. */
export interface SnapshotMemory {
  readonly listings: ObjectMemory<ReadonlyMap<string, ListedEntry>>;
  readonly texts: ObjectMemory<string>;
}

/** An empty one; full it holds two million characters of each. */
export function snapshotMemory(): SnapshotMemory {
  return {
    listings: new ObjectMemory(2_000_000, (entries) => entries.size * listedSize),
    texts: new ObjectMemory(2_000_000, (text) => text.length),
  };
}

/** About what one entry of a listing takes beside its path, which is in the key. */
const listedSize = 200;

/** One revision in a mirror, read by git alone: nothing of it is checked out until `export`. */
export class GitSnapshot implements Snapshot {
  readonly revision: string;
  readonly #mirror: Reader;
  readonly #tree: string;
  readonly #exports: ExportOptions;
  readonly #memory: SnapshotMemory;

  constructor(mirror: Reader, revision: string, tree: string, exports: ExportOptions, memory: SnapshotMemory) {
    this.revision = revision;
    this.#mirror = mirror;
    this.#tree = tree;
    this.#exports = exports;
    this.#memory = memory;
  }

  entries(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TreeEntry>> {
    return this.#list(paths, signal);
  }

  async text(path: string, maxBytes: number, signal: AbortSignal): Promise<string | undefined> {
    const entry = (await this.#list([path], signal)).get(path);
    if (entry?.type !== 'file') return undefined;
    if ((entry.sizeBytes ?? 0) > maxBytes) {
      const message = `\`${path}\` is larger than ${maxBytes} bytes`;
      throw new DiagnosedError({ reason: 'SourceInvalid', message, places: [{ path, line: 1, column: 1, message }] });
    }
    return this.#memory.texts.recall(`${this.#mirror.repositoryId} ${entry.id}`, async () => {
      const chunks: Buffer[] = [];
      const onOutput = (chunk: Buffer) => void chunks.push(chunk);
      await this.#mirror.read(['cat-file', 'blob', entry.id], { signal, onOutput });
      return Buffer.concat(chunks).toString('utf8');
    });
  }

  async export(path: string, signal: AbortSignal): Promise<Directory> {
    const entry = (await this.#list([path], signal)).get(path);
    if (entry?.type !== 'directory') {
      const message = path === '' ? 'the repository is empty' : `\`${path}\` is not a folder of the repository`;
      throw new DiagnosedError({ reason: 'SourceInvalid', message });
    }
    return exportTree(
      this.#mirror,
      { repositoryId: this.#mirror.repositoryId, id: entry.id, path },
      this.#exports,
      signal,
    );
  }

  async #list(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ListedEntry>> {
    signal.throwIfAborted();
    const key = JSON.stringify([this.#mirror.repositoryId, this.#tree, ...paths]);
    return this.#memory.listings.recall(key, () => this.#readList(paths, signal));
  }

  async #readList(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ListedEntry>> {
    const found = new Map<string, ListedEntry>();
    if (paths.includes('')) found.set('', { path: '', type: 'directory', id: this.#tree, sizeBytes: undefined });
    const wanted = new Set(paths.filter(canExist));
    if (wanted.size === 0) return found;
    const onOutput = forEachRecord((text) => {
      const entry = parseEntry(text);
      // Git lists neighbours as well when one path is inside another.
      if (wanted.has(entry.path)) found.set(entry.path, entry);
    });
    const args = ['ls-tree', '-z', '-l', '-t', '--full-tree', this.#tree, '--', ...wanted];
    await this.#mirror.read(args, { signal, onOutput });
    return found;
  }
}

/** Git would die of the others: they are not relative paths, or no paths at all. */
function canExist(path: string): boolean {
  return !path.includes('\0') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
