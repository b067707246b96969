/** Versions of other programs. */

/** The first version in a text, such as `4.1.4` in `v4.1.4+g05fa379`; `undefined` when there is none. */
export function versionIn(text: string): string | undefined {
  return /\d+\.\d+(?:\.\d+)*/.exec(text)?.[0];
}

/** Whether `version` is older than `least`; one that cannot be read is. */
export function isOlder(version: string, least: readonly number[]): boolean {
  const parts = versionIn(version)?.split('.').map(Number);
  if (parts === undefined) return true;
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
