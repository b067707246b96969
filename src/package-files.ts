/**
 * Files that come with this package, wherever it lies. This module must stay directly in `src`: the image has all modules in
 * chunks directly in `dist`, and both have the rest of the package beside them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of a file or directory of the package, such as `charts/preview`. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** The URL of a module that is an entry of the bundle too (`deploy/image/bundle.ts`), named without its ending, for a thread of its own. */
export function packageModule(name: string): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${ending}`, import.meta.url);
}

/** Berth's version, such as `1.2.3`. */
export function berthVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { readonly version: string };
  return version;
}
