import { createHash } from 'node:crypto';

export type Mode = '100644' | '100755' | '120000';

export interface FileEntry {
  readonly mode: Mode;
  /** The blob's SHA. */
  readonly sha: string;
}

/** Every file of a commit by its path, with `/` between directories. */
export type Files = ReadonlyMap<string, FileEntry>;

export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly at: Date;
}

export interface GitObject {
  readonly sha: string;
  /** Header and content, as git hashes and stores them. */
  readonly bytes: Buffer;
}

export function gitObject(kind: 'blob' | 'tree' | 'commit', content: Buffer): GitObject {
  const bytes = Buffer.concat([Buffer.from(`${kind} ${content.length}\0`), content]);
  return { sha: createHash('sha1').update(bytes).digest('hex'), bytes };
}

/** The tree objects of a set of files, subdirectories first; the last one is the root. */
export function treeObjects(files: Files): readonly GitObject[] {
  const root = new Map<string, unknown>();
  for (const [path, entry] of files) {
    const segments = path.split('/');
    const name = segments.pop() as string;
    let directory = root;
    for (const segment of segments) {
      let next = directory.get(segment);
      if (!(next instanceof Map)) directory.set(segment, (next = new Map<string, unknown>()));
      directory = next as Map<string, unknown>;
    }
    directory.set(name, entry);
  }
  const objects: GitObject[] = [];
  writeTree(root, objects);
  return objects;
}

function writeTree(directory: ReadonlyMap<string, unknown>, objects: GitObject[]): string {
  const entries = [...directory].map(([name, child]): { key: string; name: string; mode: string; sha: string } => {
    if (child instanceof Map) return { key: `${name}/`, name, mode: '40000', sha: writeTree(child, objects) };
    const file = child as FileEntry;
    return { key: name, name, mode: file.mode, sha: file.sha };
  });
  // Git sorts entries by their bytes, a directory as if its name ended in a slash.
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const content = entries.flatMap(({ mode, name, sha }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, 'hex')]);
  const tree = gitObject('tree', Buffer.concat(content));
  objects.push(tree);
  return tree.sha;
}

export function commitObject(tree: string, parents: readonly string[], by: Signature, message: string): GitObject {
  const who = `${by.name} <${by.email}> ${Math.floor(by.at.getTime() / 1000)} +0000`;
  const header = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`), `author ${who}`, `committer ${who}`];
  return gitObject('commit', Buffer.from(`${header.join('\n')}\n\n${message}\n`));
}
