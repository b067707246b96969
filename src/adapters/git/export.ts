import { DiagnosedError } from '../../domain/errors.ts';
import { shortened } from '../../domain/escape.ts';
import type { Directory } from '../../ports.ts';
import { escapingLink } from './links.ts';
import type { Reader } from './mirror.ts';
import { forEachRecord, type ListedEntry, parseEntry } from './tree.ts';
import type { Worktrees } from './worktrees.ts';

export interface ExportOptions {
  readonly worktrees: Worktrees;
  readonly timeoutMs: number;
  readonly maxFiles: number;
  readonly maxBytes: number;
  /** Of one file. */
  readonly maxFileBytes: number;
}

const gib = 1024 ** 3;

/** What a folder may be at most unless somebody says otherwise. */
export const exportDefaults = { maxFiles: 500_000, maxBytes: 4 * gib, maxFileBytes: gib } as const;

/** A folder of a repository at one revision: `id` is its tree's. */
interface Folder {
  readonly repositoryId: number;
  readonly id: string;
  readonly path: string;
}

/**
 * Writes the folder as git has it: no filter, no change of line ends, no attribute (the mirror's own attributes say
 * so). Submodules become empty folders.
 */
export async function exportTree(
  mirror: Reader,
  folder: Folder,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<Directory> {
  const links = await survey(mirror, folder, options, signal);
  await rejectEscapes(mirror, folder, links, options, signal);
  return options.worktrees.take(`${folder.repositoryId}/${folder.path}`, async ({ directory, index, used }) => {
    const call = {
      signal,
      timeoutMs: options.timeoutMs,
      cwd: directory,
      env: { GIT_INDEX_FILE: index, GIT_WORK_TREE: directory },
    };
    await mirror.read(['read-tree', '--reset', '-u', folder.id], call);
    // What the last user has put there.
    if (used) await mirror.read(['clean', '--quiet', '-ffdx'], call);
  });
}

/**
 * Looks at everything that would be written, and gives the links among it. A few nested trees that name each other can
 * unfold to billions of files: git itself would try.
 */
async function survey(
  mirror: Reader,
  folder: Folder,
  { maxFiles, maxBytes, maxFileBytes, timeoutMs }: ExportOptions,
  signal: AbortSignal,
): Promise<readonly ListedEntry[]> {
  const links: ListedEntry[] = [];
  let files = 0;
  let sizeBytes = 0;
  const onOutput = forEachRecord((text) => {
    const entry = parseEntry(text);
    files += 1;
    sizeBytes += entry.sizeBytes ?? 0;
    if (isTooLong(entry.path)) throw invalid(folder, shortened(entry.path, 200), 'has a path that is too long');
    if ((entry.sizeBytes ?? 0) > maxFileBytes) {
      throw invalid(folder, entry.path, `is larger than ${maxFileBytes} bytes`);
    }
    if (files > maxFiles) throw invalid(folder, undefined, `has more than ${maxFiles} files and folders`);
    if (sizeBytes > maxBytes) throw invalid(folder, undefined, `is larger than ${maxBytes} bytes`);
    if (!isWritable(entry.path)) throw invalid(folder, entry.path, 'has a name that git refuses to write');
    if (entry.type === 'symlink') links.push(entry);
  });
  // Folders as well (`-t`): of a hundred thousand, one inside the other, the first few are enough.
  await mirror.read(['ls-tree', '-r', '-t', '-z', '-l', folder.id], { signal, timeoutMs, onOutput });
  return links;
}

async function rejectEscapes(
  mirror: Reader,
  folder: Folder,
  links: readonly ListedEntry[],
  { timeoutMs }: ExportOptions,
  signal: AbortSignal,
): Promise<void> {
  if (links.length === 0) return;
  const tooLong = links.find((link) => (link.sizeBytes ?? 0) > maxTargetBytes);
  if (tooLong) throw invalid(folder, tooLong.path, 'is a symbolic link with a target that is too long');
  const chunks: Buffer[] = [];
  await mirror.read(['cat-file', '--batch'], {
    signal,
    timeoutMs,
    input: links.map((link) => `${link.id}\n`).join(''),
    onOutput: (chunk) => void chunks.push(chunk),
  });
  const output = Buffer.concat(chunks);
  const targets = new Map<string, string>();
  let at = 0;
  for (const link of links) {
    // <object id> blob <size> LF <content> LF
    const start = output.indexOf('\n', at) + 1;
    at = start + (link.sizeBytes ?? 0) + 1;
    targets.set(link.path, output.toString('utf8', start, at - 1));
  }
  const escaping = escapingLink(targets);
  if (escaping !== undefined) throw invalid(folder, escaping, 'is a symbolic link that leads out of it');
}

// PATH_MAX of Linux.
const maxTargetBytes = 4096;
// Leaves room for where it is written, and for what tools add to it.
const maxPathBytes = 1024;
// NAME_MAX of Linux.
const maxNameBytes = 255;

function isTooLong(file: string): boolean {
  return (
    Buffer.byteLength(file) > maxPathBytes || file.split('/').some((name) => Buffer.byteLength(name) > maxNameBytes)
  );
}

/**
 * Git checks out neither `.git` nor `..`. Names that are not UTF-8 are refused as well: as text two of them may look
 * the same, and a link could hide behind another.
 */
function isWritable(file: string): boolean {
  return !file.includes('\uFFFD') && file.split('/').every((part) => !/^(|\.|\.\.|\.git|git~1)$/i.test(part));
}

function invalid(folder: Folder, file: string | undefined, what: string): DiagnosedError {
  const inFolder = folder.path === '' ? 'the repository' : `\`${folder.path}\``;
  if (file === undefined) return new DiagnosedError({ reason: 'SourceInvalid', message: `${inFolder} ${what}` });
  const whole = folder.path === '' ? file : `${folder.path}/${file}`;
  const message = `\`${whole}\` ${what.replace(/\bit$/, inFolder)}`;
  return new DiagnosedError({
    reason: 'SourceInvalid',
    message,
    places: [{ path: whole, line: 1, column: 1, message }],
  });
}
