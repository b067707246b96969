/** What `git ls-tree -z -l` prints. */
import type { TreeEntry } from '../../ports.ts';

export interface ListedEntry extends TreeEntry {
  readonly path: string;
  /** `undefined` for whatever is not a blob. */
  readonly sizeBytes: number | undefined;
}

// <mode> <type> <object id> <size, padded, or -> TAB <path>
const record = /^(\d{6}) (?:blob|tree|commit) ([0-9a-f]{40}) +(\d+|-)\t(.*)$/s;

/** @throws for a record that `git ls-tree -z -l` does not print. */
export function parseEntry(text: string): ListedEntry {
  const [, mode, id, size, path] = record.exec(text) ?? [];
  if (mode === undefined || id === undefined || path === undefined) throw new Error('git ls-tree: unexpected output');
  return { path, type: typeOf(mode), id, sizeBytes: size === '-' ? undefined : Number(size) };
}

/** Calls back for each record of NUL-terminated output that arrives in chunks. */
export function forEachRecord(callback: (text: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let from = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, from)) {
      callback(bytes.toString('utf8', from, end));
      from = end + 1;
    }
    rest = bytes.subarray(from);
  };
}

function typeOf(mode: string): TreeEntry['type'] {
  switch (mode) {
    case '040000':
      return 'directory';
    case '120000':
      return 'symlink';
    case '160000':
      return 'submodule';
    default:
      // 100644, 100755 and, in old repositories, 100664.
      return 'file';
  }
}
