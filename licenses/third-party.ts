/** The document that names the packages in Berth's image, with their licences. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LockedPackage, licenseTexts, productionPackages } from './production-packages.ts';

/** Licences that let anybody use, change and pass on, and ask for no more than to be named. */
export const allowedLicenses: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
]);

/** `THIRD_PARTY_LICENSES.md` for the packages that are installed below `root`. */
export function thirdPartyLicenses(root: string): string {
  const packages = productionPackages(root).toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const texts = new Map<string, LockedPackage[]>();
  for (const each of packages) {
    const found = licenseTexts(root, each);
    for (const text of found.length > 0 ? found : [stated(root, each)])
      texts.set(text, [...(texts.get(text) ?? []), each]);
  }
  const rows = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license ?? 'none named'} |`);
  const sections = [...texts].map(
    ([text, users]) => `## ${[...new Set(users.map(({ name }) => name))].join(', ')}\n\n${fenced(text)}\n`,
  );
  return `# Third-party licences

Berth runs with these packages. \`npm run licenses\` writes this page from the lock file and from what the packages bring along.

Its image holds programs besides, unchanged and under licences of their own: Node.js (MIT and others), git (GPL-2.0), Helm and buildx (Apache-2.0),
and what Debian's base image consists of, whose licences are in the image below \`/usr/share/doc\`.

| package | version | licence |
| --- | --- | --- |
${rows.join('\n')}

${sections.join('\n')}`;
}

/** What a package without a text of its own says in its `package.json`. */
function stated(root: string, { path, license }: LockedPackage): string {
  const { author } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as {
    readonly author?: string | { readonly name?: string };
  };
  const by = typeof author === 'string' ? author : author?.name;
  return `Licensed under ${license ?? 'no licence that it names'}${by ? `, by ${by}` : ''}. The package brings no text along.`;
}

/** A block that the text cannot end, whatever is in it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
