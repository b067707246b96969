import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { escapingLink } from '../../../src/adapters/git/links.ts';

const rows: readonly {
  readonly name: string;
  readonly links: Readonly<Record<string, string>>;
  readonly want?: string;
}[] = [
  { name: 'no links', links: {} },
  { name: 'a neighbour', links: { 'a/b': 'c' } },
  { name: 'up to the root and down again', links: { 'a/b/c': '../../x/y' } },
  { name: 'the root itself', links: { 'a/b': '..' } },
  { name: 'above the root', links: { 'a/b': '../..' }, want: 'a/b' },
  { name: 'above the root and back', links: { a: '../tree/x' }, want: 'a' },
  { name: 'an absolute path', links: { fine: 'x', 'a/b': '/etc/passwd' }, want: 'a/b' },
  { name: 'superfluous slashes and dots', links: { 'a/b': './/.././/c/.' } },
  { name: 'a target that does not exist', links: { a: 'nowhere/at/all' } },
  { name: 'a loop', links: { a: 'b', b: 'a' } },
  { name: 'itself', links: { a: 'a/x' } },
  { name: 'out through a link to the root', links: { 'a/b/up': '../..', evil: 'a/b/up/../x' }, want: 'evil' },
  { name: 'not out, though it looks so, through a link downwards', links: { down: 'a/b/c', fine: 'down/../../x' } },
  { name: 'out through a link downwards', links: { down: 'a/b', evil: 'down/../../../x' }, want: 'evil' },
  { name: 'through a link that leaves', links: { a: 'b/c', b: '/tmp' }, want: 'a' },
  { name: 'a component that only starts with dots', links: { a: '...', b: '..x/y' } },
];

describe('escapingLink', () => {
  for (const { name, links, want } of rows) {
    it(name, () => assert.equal(escapingLink(new Map(Object.entries(links))), want));
  }
});
