/** A look at a chart's files before Helm reads them. */
import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DiagnosedError } from '../../domain/errors.ts';
import { isSelfContained } from './values-schema.ts';

/** Helm itself keeps a chart within a Secret of 1 MiB, compressed; this is far beyond any that works. */
const mostFiles = 5_000;
const mostBytes = 64 * 1024 * 1024;
const deepest = 40;

export interface ChartFiles {
  /** A template may ask the cluster for its objects or kinds. False is certain but for names that are put together in a template. */
  readonly asksCluster: boolean;
  /** The same for the cluster's version. */
  readonly asksVersion: boolean;
  /** The same for the number of the release's revision (`.Release.Revision`). */
  readonly asksRevision: boolean;
  /** Values may hold templates (`tpl`), so that they may ask too. */
  readonly takesTemplates: boolean;
  /** Whether Helm may check values by the chart's schemas: they refer to nothing outside of themselves, which it would fetch. */
  readonly hasOwnSchemasOnly: boolean;
}

/**
 * Looks through a chart's folder, with whatever symbolic links and packed sub-charts add to it.
 * @throws DiagnosedError when a symbolic link leaves the folder, or when it is unreasonably large.
 */
export async function inspectChart(chartPath: string, signal: AbortSignal): Promise<ChartFiles> {
  const root = await realpath(chartPath);
  const found = {
    asksCluster: false,
    asksVersion: false,
    asksRevision: false,
    takesTemplates: false,
    hasOwnSchemasOnly: true,
  };
  let files = 0;
  let sizeBytes = 0;

  const count = (bytes: number) => {
    sizeBytes += bytes;
    if (sizeBytes > mostBytes) throw invalid(`The chart is larger than ${mostBytes / 1024 / 1024} MiB`);
  };

  // As Helm walks: a link to a folder is that folder once more, so that a few links can make millions of files.
  const walk = async (folder: string, depth: number): Promise<void> => {
    if (depth > deepest) throw invalid(`The chart's folders are nested more than ${deepest} levels deep`);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      signal.throwIfAborted();
      files += 1;
      if (files > mostFiles) throw invalid(`The chart has more than ${mostFiles} files`);
      const path = join(folder, entry.name);
      const name = relative(root, path);
      const target = await targetOf(root, path, entry, name);
      if (target === undefined) continue;
      if (target.stats.isDirectory()) await walk(target.path, depth + 1);
      else if (target.stats.isFile()) await lookInto(target.path, name, target.stats.size);
    }
  };

  const lookInto = async (path: string, name: string, bytes: number): Promise<void> => {
    count(bytes);
    const content = await readFile(path);
    if (!name.endsWith('.tgz')) {
      note(content.toString('latin1'));
      if (name.endsWith('values.schema.json') && !isSelfContained(content.toString('utf8'))) {
        found.hasOwnSchemasOnly = false;
      }
      return;
    }
    const unpacked = await unpack(content, mostBytes - sizeBytes, name);
    count(unpacked.length);
    const text = unpacked.toString('latin1');
    note(text);
    // Which schema refers to what is not worth an archive reader that agrees with Helm's about every hostile archive.
    if (text.includes('values.schema.json') || text.includes('.tgz')) found.hasOwnSchemasOnly = false;
  };

  const note = (text: string) => {
    const { asksCluster, asksVersion, asksRevision, takesTemplates } = mentions(text);
    found.asksCluster ||= asksCluster;
    found.asksVersion ||= asksVersion;
    found.asksRevision ||= asksRevision;
    found.takesTemplates ||= takesTemplates;
  };

  await walk(root, 0);
  return found;
}

/** What templates in a text may ask the cluster for. */
export function mentions(text: string): Omit<ChartFiles, 'hasOwnSchemasOnly'> {
  return {
    asksCluster: /\b(lookup|APIVersions)\b/.test(text),
    asksVersion: /\b(Capabilities|kubeVersion)\b/.test(text),
    asksRevision: /\.Revision\b/.test(text),
    takesTemplates: /\btpl\b/.test(text),
  };
}

async function targetOf(root: string, path: string, entry: Dirent, name: string) {
  if (!entry.isSymbolicLink()) return { path, stats: await lstat(path) };
  // A link to nowhere cannot leak anything; Helm says what it thinks of it.
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined) return undefined;
  if (target !== root && !target.startsWith(root + sep)) {
    throw invalid(`\`${name}\` in the chart is a symbolic link that leaves the chart's folder`);
  }
  return { path: target, stats: await lstat(target) };
}

async function unpack(content: Buffer, maxOutputLength: number, name: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(content, { maxOutputLength: Math.max(1, maxOutputLength) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw invalid(`The chart is larger than ${mostBytes / 1024 / 1024} MiB unpacked`);
    throw invalid(`\`${name}\` in the chart is not a packed chart`);
  }
}

function invalid(message: string): DiagnosedError {
  return new DiagnosedError({ reason: 'ChartInvalid', message: `${message}.` });
}
