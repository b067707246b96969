import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownerAndName } from '../../src/render/subject.ts';

describe('ownerAndName', () => {
  const rows = [
    ['acme/shop', 'acme/shop'],
    ['https://github.com/acme/shop', 'acme/shop'],
    ['https://github.com/acme/shop.git', 'acme/shop'],
    ['https://user:token@github.com/acme/shop.git/', 'acme/shop'],
    ['git@github.com:acme/shop.git', 'acme/shop'],
    ['ssh://git@github.com:22/acme/my.shop', 'acme/my.shop'],
    ['/srv/git/acme/shop.git', 'acme/shop'],
    ['shop', undefined],
    ['', undefined],
  ] as const;
  for (const [text, want] of rows) {
    it(`of "${text}" is ${want}`, () => {
      const found = ownerAndName(text);
      assert.equal(found && `${found.owner}/${found.name}`, want);
    });
  }
});
