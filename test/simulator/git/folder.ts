import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceFile } from './history.ts';

/** The files below a folder, with symbolic links and executable bits kept. `.git` and `node_modules` are left out. */
export function filesOfFolder(folder: string): Record<string, SourceFile> {
  const files: Record<string, SourceFile> = {};
  collect(folder, '', files);
  return files;
}

function collect(folder: string, prefix: string, files: Record<string, SourceFile>): void {
  for (const name of readdirSync(folder).toSorted()) {
    if (name === '.git' || name === 'node_modules') continue;
    const path = join(folder, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) collect(path, `${prefix}${name}/`, files);
    else if (stat.isSymbolicLink()) files[prefix + name] = { mode: '120000', content: Buffer.from(readlinkSync(path)) };
    else if (stat.isFile()) {
      files[prefix + name] = { mode: stat.mode & 0o100 ? '100755' : '100644', content: readFileSync(path) };
    }
  }
}
