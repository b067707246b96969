import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listAll } from '../../../src/adapters/github/pages.ts';

describe('lists in pages', () => {
  const full = Array.from({ length: 100 }, (_, index) => index);
  const rows = [
    { name: 'one page', pages: [{ value: [1, 2], hasNext: false }], want: 2 },
    {
      name: 'a full page that says nothing of another',
      pages: [
        { value: full, hasNext: false },
        { value: [1], hasNext: false },
      ],
      want: 101,
    },
    {
      name: 'a short page that is not the last',
      pages: [
        { value: [1], hasNext: true },
        { value: [2], hasNext: false },
      ],
      want: 2,
    },
    { name: 'an empty page ends any list', pages: [{ value: [], hasNext: true }], want: 0 },
    {
      name: 'no more pages than asked for',
      pages: [
        { value: full, hasNext: true },
        { value: full, hasNext: true },
        { value: full, hasNext: true },
        { value: full, hasNext: true },
      ],
      want: 300,
    },
  ];
  for (const { name, pages, want } of rows) {
    it(name, async () => {
      const items = await listAll(
        async (page) => pages[Number(page['page']) - 1] ?? assert.fail('one page too many'),
        3,
      );
      assert.equal(items.length, want);
    });
  }
});
