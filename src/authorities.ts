/** Certificate authorities of the operator's own, such as a company's: trusted besides the usual ones, by us and by the programs we run. */
import { writeFile } from 'node:fs/promises';
import tls from 'node:tls';

/** Lets every connection that this process makes from now on trust them too. */
export function trustAuthorities(certificates: readonly string[]): void {
  if (certificates.length > 0) tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...certificates]);
}

/**
 * Writes what this process trusts into one file, for programs that take one instead of their usual authorities.
 * @returns the path; `undefined` when there are none but the usual ones.
 */
export async function authoritiesFile(certificates: readonly string[], path: string): Promise<string | undefined> {
  if (certificates.length === 0) return undefined;
  await writeFile(path, `${tls.getCACertificates('default').join('\n')}\n`, { mode: 0o600 });
  return path;
}
