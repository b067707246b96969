/** A path below the repository's root without `.`, empty parts and slashes at its ends; `''` for the root. */
export function normalPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
