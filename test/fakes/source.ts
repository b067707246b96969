import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Directory, Snapshot, Source, TreeEntry } from '../../src/ports.ts';
import type { Files } from '../contract/source.contract.ts';

export interface FakeSource extends Source {
  /** Makes a revision with exactly these files; the same files give another revision each time. */
  commit(repositoryId: number, files: Files): string;
  /** Revisions that were asked for, in order. */
  readonly asked: readonly string[];
}

/** `Source` in memory: revisions are what `commit` made. Only `export` touches the disk. */
export function fakeSource(): FakeSource {
  const commits = new Map<string, Files>();
  const asked: string[] = [];
  return {
    asked,
    commit(repositoryId, files) {
      const revision = hash(`${repositoryId} ${commits.size}`);
      commits.set(`${repositoryId} ${revision}`, files);
      return revision;
    },
    async at(repository, revision, signal) {
      signal.throwIfAborted();
      if (!/^[0-9a-f]{40}$/.test(revision)) throw new Error(`not a revision: ${JSON.stringify(revision)}`);
      asked.push(revision);
      const files = commits.get(`${repository.id} ${revision}`);
      if (!files) throw new Error(`fetching ${revision} of ${repository.owner}/${repository.name}: no such revision`);
      return snapshotOf(revision, files);
    },
  };
}

function snapshotOf(revision: string, files: Files): Snapshot {
  const tree = entriesOf(files);
  return {
    revision,
    async entries(paths, signal) {
      signal.throwIfAborted();
      return new Map([...tree].filter(([file]) => paths.includes(file)));
    },
    async text(file, maxBytes, signal) {
      signal.throwIfAborted();
      if (tree.get(file)?.type !== 'file') return undefined;
      const bytes = bytesOf(files[file]);
      if (bytes.length > maxBytes) throw invalid(`\`${file}\` is larger than ${maxBytes} bytes`, file);
      return bytes.toString('utf8');
    },
    async export(folder, signal) {
      signal.throwIfAborted();
      if (tree.get(folder)?.type !== 'directory') throw invalid(`\`${folder}\` is not a folder of the repository`);
      return write(folder, below(folder, files));
    },
  };
}

/** Every path that exists, folders included, as git would list it; ids are hashes of the content. */
function entriesOf(files: Files): Map<string, TreeEntry> {
  const tree = new Map<string, TreeEntry>();
  const folders = new Map<string, string[]>([['', []]]);
  for (const [file, content] of Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    tree.set(file, { type: typeOf(content), id: hash(JSON.stringify(content)) });
    for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
      const name = folder === '.' ? '' : folder;
      folders.set(name, [...(folders.get(name) ?? []), `${file} ${tree.get(file)?.id}`]);
      if (name === '') break;
    }
  }
  for (const [folder, content] of folders) {
    const relative = content.map((line) => line.slice(folder.length));
    tree.set(folder, { type: 'directory', id: hash(relative.join('\n')) });
  }
  return tree;
}

async function write(folder: string, files: Files): Promise<Directory> {
  for (const [file, content] of Object.entries(files)) {
    if (typeof content === 'object' && 'link' in content && leaves(file, content.link, files)) {
      const whole = folder === '' ? file : `${folder}/${file}`;
      throw invalid(`\`${whole}\` is a symbolic link that leads out of \`${folder}\``, whole);
    }
  }
  const root = await mkdtemp(path.join(tmpdir(), 'fake-source-'));
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    if (typeof content === 'object' && 'submodule' in content) await mkdir(target);
    else if (typeof content === 'object' && 'link' in content) await symlink(content.link, target);
    else await writeFile(target, bytesOf(content), { mode: typeOfMode(content) });
  }
  return { path: root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/** Good enough for tests: resolves one level of other links on the way. */
function leaves(file: string, target: string, files: Files): boolean {
  if (target.startsWith('/')) return true;
  let here = path.dirname(file);
  for (const part of target.split('/')) {
    here = path.join(here, part);
    if (here.startsWith('..')) return true;
    const link = files[here];
    if (typeof link === 'object' && 'link' in link) here = path.join(path.dirname(here), link.link);
  }
  return here.startsWith('..');
}

function below(folder: string, files: Files): Files {
  if (folder === '') return files;
  const inside = Object.entries(files).filter(([file]) => file.startsWith(`${folder}/`));
  return Object.fromEntries(inside.map(([file, content]) => [file.slice(folder.length + 1), content]));
}

function typeOf(content: Files[string]): TreeEntry['type'] {
  if (typeof content === 'object' && 'link' in content) return 'symlink';
  return typeof content === 'object' && 'submodule' in content ? 'submodule' : 'file';
}

function typeOfMode(content: Files[string]): number {
  return typeof content === 'object' && 'executable' in content ? 0o755 : 0o644;
}

function bytesOf(content: Files[string] | undefined): Buffer {
  if (typeof content === 'object' && 'content' in content) return content.content;
  if (typeof content === 'object' && 'executable' in content) return Buffer.from(content.executable);
  return Buffer.from(typeof content === 'string' ? content : '');
}

function hash(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function invalid(message: string, file?: string): DiagnosedError {
  const places = file === undefined ? {} : { places: [{ path: file, line: 1, column: 1, message }] };
  return new DiagnosedError({ reason: 'SourceInvalid', message, ...places });
}
