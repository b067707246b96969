import type { History } from './history.ts';
import type { Files } from './objects.ts';

export interface FileDifference {
  readonly path: string;
  readonly status: 'added' | 'removed' | 'modified';
  /** The blob of the newer side; the older one's for a removed file. */
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
}

/** What changed from one commit's files to another's, by path. Lines are counted, not aligned, and renames not sought. */
export function difference(history: History, from: Files, to: Files): readonly FileDifference[] {
  const found: FileDifference[] = [];
  for (const path of [...new Set([...from.keys(), ...to.keys()])].toSorted()) {
    const before = from.get(path);
    const after = to.get(path);
    if (before?.sha === after?.sha && before?.mode === after?.mode) continue;
    const sha = after?.sha ?? before?.sha ?? '';
    const status = !before ? 'added' : !after ? 'removed' : 'modified';
    found.push({ path, status, sha, ...lineCounts(history, before?.sha, after?.sha) });
  }
  return found;
}

/** The paths two sides both changed since their merge base, in different ways. */
export function conflicts(base: Files, ours: Files, theirs: Files): readonly string[] {
  const changedByUs = [...new Set([...base.keys(), ...ours.keys()])].filter(
    (path) => base.get(path)?.sha !== ours.get(path)?.sha,
  );
  return changedByUs.filter(
    (path) => base.get(path)?.sha !== theirs.get(path)?.sha && ours.get(path)?.sha !== theirs.get(path)?.sha,
  );
}

/** The files of `ours` with everything applied that `theirs` changed since the merge base. */
export function mergedFiles(base: Files, ours: Files, theirs: Files): Files {
  const merged = new Map(ours);
  for (const path of new Set([...base.keys(), ...theirs.keys()])) {
    if (base.get(path)?.sha === theirs.get(path)?.sha) continue;
    const entry = theirs.get(path);
    if (entry) merged.set(path, entry);
    else merged.delete(path);
  }
  return merged;
}

function lineCounts(history: History, before: string | undefined, after: string | undefined) {
  const remaining = new Map<string, number>();
  const old = lines(history, before);
  for (const line of old) remaining.set(line, (remaining.get(line) ?? 0) + 1);
  let additions = 0;
  let kept = 0;
  for (const line of lines(history, after)) {
    const left = remaining.get(line) ?? 0;
    if (left === 0) additions += 1;
    else {
      remaining.set(line, left - 1);
      kept += 1;
    }
  }
  return { additions, deletions: old.length - kept };
}

function lines(history: History, sha: string | undefined): string[] {
  const text = sha === undefined ? '' : (history.blobs.get(sha)?.toString('utf8') ?? '');
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}
