import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { History } from './history.ts';

const compress = promisify(deflate);

export interface OnDisk {
  readonly id: number;
  readonly defaultBranch: string;
  readonly history: History;
  readonly refs: ReadonlyMap<string, string>;
}

// GitHub serves any commit it has, named by its SHA, whether or not a ref leads to it.
const gitConfig = `[core]
	repositoryformatversion = 0
	bare = true
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[gc]
	auto = 0
`;

/** Bare repositories below one folder, brought up to date only when somebody speaks git. */
export class GitDisk {
  readonly root: string;
  readonly #stores = new Map<History, string>();
  #last: Promise<unknown> = Promise.resolve();
  #writes = 0;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes the repository on disk equal to the one in memory, and gives its folder's name below the root. */
  save(repository: OnDisk): Promise<string> {
    const saved = this.#last.then(() => this.#save(repository));
    // One at a time; the caller sees the failure, the queue goes on.
    this.#last = saved.catch(() => undefined);
    return saved;
  }

  async #save({ id, defaultBranch, history, refs }: OnDisk): Promise<string> {
    const name = `${id}.git`;
    const folder = join(this.root, name);
    const store = await this.#saveObjects(history);
    await mkdir(join(folder, 'objects', 'info'), { recursive: true });
    await mkdir(join(folder, 'refs'), { recursive: true });
    await writeFile(join(folder, 'config'), gitConfig);
    await writeFile(join(folder, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`);
    await writeFile(join(folder, 'objects', 'info', 'alternates'), `${store}\n`);
    const lines = [...refs].map(([ref, sha]) => `${sha} ${ref}\n`);
    // One file for all refs: a branch may have any name, whatever the file system thinks of it.
    const temporary = join(folder, `packed-refs.${(this.#writes += 1)}`);
    await writeFile(temporary, lines.join(''));
    await rename(temporary, join(folder, 'packed-refs'));
    return name;
  }

  async #saveObjects(history: History): Promise<string> {
    let store = this.#stores.get(history);
    if (store === undefined) this.#stores.set(history, (store = join(this.root, `objects-${this.#stores.size + 1}`)));
    await mkdir(store, { recursive: true });
    for (const { sha, bytes } of history.takePending()) {
      const folder = join(store, sha.slice(0, 2));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, sha.slice(2)), (await compress(bytes, { level: 1 })) as Buffer);
    }
    return store;
  }
}
