import {
  commitObject,
  type Files,
  type GitObject,
  gitObject,
  type Mode,
  type Signature,
  treeObjects,
} from './objects.ts';

export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly by: Signature;
  readonly message: string;
  readonly files: Files;
}

/** A path to its new content, or to null to remove it. */
export type Changes = Readonly<Record<string, string | Buffer | SourceFile | null>>;

export interface SourceFile {
  readonly mode: Mode;
  readonly content: Buffer;
}

/**
 * All commits of a repository and its forks, as GitHub keeps them in one store, so any of them can be fetched by SHA
 * from any of the repositories. Kept in memory; objects wait in `pending` until somebody speaks git.
 */
export class History {
  readonly commits = new Map<string, Commit>();
  readonly blobs = new Map<string, Buffer>();
  readonly trees = new Map<string, Files>();
  #pending: GitObject[] = [];
  readonly #known = new Set<string>();

  commit(parents: readonly string[], changes: Changes, by: Signature, message: string): Commit {
    const [parent] = parents;
    const files = new Map(parent === undefined ? [] : this.get(parent).files);
    for (const [path, content] of Object.entries(changes)) {
      if (content === null) files.delete(path);
      else files.set(path, this.#entry(content));
    }
    // Two equal commits within a second would be one and the same: the second gets a later time.
    const at = this.#freeTime(files, parents, by, message);
    return this.commitFiles(parents, files, { ...by, at }, message);
  }

  commitFiles(parents: readonly string[], files: Files, by: Signature, message: string): Commit {
    const trees = treeObjects(files);
    const tree = (trees.at(-1) as GitObject).sha;
    const object = commitObject(tree, parents, by, message);
    for (const each of [...trees, object]) this.#store(each);
    this.trees.set(tree, files);
    const commit = { sha: object.sha, tree, parents, by, message, files };
    this.commits.set(commit.sha, commit);
    return commit;
  }

  get(sha: string): Commit {
    const commit = this.commits.get(sha);
    if (!commit) throw new Error(`no commit ${sha}`);
    return commit;
  }

  isAncestor(ancestor: string, of: string): boolean {
    return this.ancestors(of).has(ancestor);
  }

  /** The commit and everything it descends from, nearest first. */
  ancestors(sha: string): ReadonlySet<string> {
    const seen = new Set([sha]);
    for (const each of seen) for (const parent of this.get(each).parents) seen.add(parent);
    return seen;
  }

  mergeBase(a: string, b: string): string | undefined {
    const ofA = this.ancestors(a);
    for (const each of this.ancestors(b)) if (ofA.has(each)) return each;
    return undefined;
  }

  /** Hands over the objects that were made since the last call. */
  takePending(): readonly GitObject[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }

  #entry(content: string | Buffer | SourceFile): { mode: Mode; sha: string } {
    const file = typeof content === 'string' || Buffer.isBuffer(content) ? undefined : content;
    const bytes = Buffer.from(file ? file.content : (content as string | Buffer));
    const blob = gitObject('blob', bytes);
    this.#store(blob);
    this.blobs.set(blob.sha, bytes);
    return { mode: file?.mode ?? '100644', sha: blob.sha };
  }

  #freeTime(files: Files, parents: readonly string[], by: Signature, message: string): Date {
    const tree = (treeObjects(files).at(-1) as GitObject).sha;
    let at = by.at;
    while (this.commits.has(commitObject(tree, parents, { ...by, at }, message).sha))
      at = new Date(at.getTime() + 1000);
    return at;
  }

  #store(object: GitObject): void {
    if (this.#known.has(object.sha)) return;
    this.#known.add(object.sha);
    this.#pending.push(object);
  }
}
