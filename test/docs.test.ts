import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.join(import.meta.dirname, '..');
const pages = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => name === 'node_modules' || name === '.git',
});

/** Without blocks of code, in which brackets mean other things. */
function prose(page: string): string {
  return readFileSync(path.join(root, page), 'utf8').replaceAll(/^```[^]*?^```/gm, '');
}

/** The names that GitHub gives to headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('the documentation', () => {
  it('has pages', () => {
    assert.ok(pages.includes('README.md') && pages.includes(path.join('docs', 'quickstart.md')));
  });

  for (const page of pages) {
    it(`leads from ${page} to what is there`, () => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
      const broken = links
        .filter((link) => !/^(https?|mailto):/.test(link))
        .filter((link) => {
          const [file = '', anchor] = link.split('#');
          const target = file === '' ? page : path.join(path.dirname(page), file);
          if (!existsSync(path.join(root, target))) return true;
          return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
        });
      assert.deepEqual(broken, []);
    });
  }
});
