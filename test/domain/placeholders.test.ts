import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fillCompletely, fillText, placeholdersIn } from '../../src/domain/placeholders.ts';

const known = new Map([
  ['a', 'A'],
  ['a.b', '${a} $$ $1 $&'],
]);

describe('placeholders', () => {
  const rows = [
    { text: 'plain $ {a} $a', names: [], later: 'plain $ {a} $a', final: 'plain $ {a} $a' },
    { text: '${a}${a}', names: ['a', 'a'], later: 'AA', final: 'AA' },
    { text: '$${a}', names: [], later: '$${a}', final: '${a}' },
    { text: '$$${a}', names: [], later: '$$${a}', final: '$${a}' },
    { text: '$$ ${a}', names: ['a'], later: '$$ A', final: '$$ A' },
  ];
  for (const { text, names, later, final } of rows) {
    it(text, () => {
      assert.deepEqual(
        placeholdersIn(text).map(({ name }) => name),
        names,
      );
      assert.equal(fillText(text, known), later);
      assert.equal(fillCompletely(text, known), final);
    });
  }

  it('puts values in as they are, without looking into them again', () => {
    assert.equal(fillCompletely('${a.b}', known), '${a} $$ $1 $&');
  });

  it('leaves what is not known yet for later, and then refuses it', () => {
    assert.equal(fillText('${a} ${x} ${', known), 'A ${x} ${');
    assert.throws(() => fillCompletely('${x}', known), /nothing has that name/);
    assert.throws(() => fillCompletely('${a', known), /nothing has that name/);
  });
});
