/** A look at a chart's files before Helm reads them. */
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { DiagnosedError } from '../../domain/errors.ts';

/** Helm itself keeps a chart within a Secret of 1 MiB, compressed; this is far beyond any that works. */
const mostFiles = 5_000;
const mostBytes = 64 * 1024 * 1024;

export interface ChartFiles {
  /**
   * Whether the chart may have hooks that Berth cares about. False is certain: the annotation is nowhere in it. Packed
   * subcharts are not looked into, so they make it true.
   */
  readonly mayHaveHooks: boolean;
}

/**
 * Looks through a chart's folder.
 * @throws DiagnosedError when a symbolic link leaves the folder, or when it is unreasonably large.
 */
export async function inspectChart(chartPath: string, signal: AbortSignal): Promise<ChartFiles> {
  const root = await realpath(chartPath);
  const files = await readdir(root, { recursive: true, withFileTypes: true });
  if (files.length > mostFiles) throw invalid(`The chart has more than ${mostFiles} files`);
  let mayHaveHooks = false;
  let sizeBytes = 0;
  for (const file of files) {
    signal.throwIfAborted();
    const path = join(file.parentPath, file.name);
    const name = relative(root, path);
    if (file.isSymbolicLink() && !(await staysWithin(root, path))) {
      throw invalid(`\`${name}\` in the chart is a symbolic link that leaves the chart's folder`);
    }
    if (!file.isFile()) continue;
    sizeBytes += (await lstat(path)).size;
    if (sizeBytes > mostBytes) throw invalid(`The chart is larger than ${mostBytes / 1024 / 1024} MiB`);
    if (mayHaveHooks) continue;
    mayHaveHooks = name.endsWith('.tgz') ? name.includes('charts') : namesHook(await readFile(path, 'latin1'));
  }
  return { mayHaveHooks };
}

/** Whether text sets the hook annotation to anything but `test`, which only `helm test` runs. */
export function namesHook(text: string): boolean {
  for (const match of text.matchAll(/helm\.sh\/hook(?!-)["']?\s*:?\s*["']?([^"'\s}]*)/g)) {
    if (!/^test(-success|-failure)?$/.test(match[1] ?? '')) return true;
  }
  return false;
}

async function staysWithin(root: string, path: string): Promise<boolean> {
  // A link to nowhere cannot leak anything; Helm says what it thinks of it.
  const target = await realpath(path).catch(() => root);
  return target === root || target.startsWith(root + sep);
}

function invalid(message: string): DiagnosedError {
  return new DiagnosedError({ reason: 'ChartInvalid', message: `${message}.` });
}
