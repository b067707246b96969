import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { readKubernetesYaml } from '../../../src/adapters/helm/kubernetes-yaml.ts';
import type { Json } from '../../../src/domain/json.ts';

describe('readKubernetesYaml', () => {
  // `test/contract/helm-exact.test.ts` compares many more with what Helm itself says.
  const rows: readonly (readonly [string, string, readonly Json[]])[] = [
    ['YAML 1.1 words', '[yes, off, "yes", y]', [[true, false, 'yes', true]]],
    ['numbers as Go has them', '[0777, 1_000, 0x10, 08, 12:30, 1e3]', [[511, 1000, 16, 8, '12:30', 1000]]],
    ['nothing in empty documents', '---\n# a\n---\n\n---\n~\n', []],
    ['several documents', 'a: 1\n---\n- 2\n--- 3\n', [{ a: 1 }, [2], 3]],
    ['a separator within text', 'a: |\n  x\n  ---\n  y\n', [{ a: 'x\n---\ny\n' }]],
    [
      'aliases and merged keys',
      'a: &a {x: 1}\nb: {<<: *a, z: 2}\nc: *a',
      [{ a: { x: 1 }, b: { x: 1, z: 2 }, c: { x: 1 } }],
    ],
    ['a merge that comes late', 'a: {x: 1, <<: {x: 2, z: 2}}', [{ a: { x: 2, z: 2 } }]],
    ['keys that are not text', 'yes: 1\n8080: 2', [{ true: 1, 8080: 2 }]],
    ['a quoted merge key', '{"<<": 1}', [{ '<<': 1 }]],
  ];
  for (const [what, text, values] of rows) {
    it(`reads ${what}`, () => assert.deepEqual(readKubernetesYaml(text), { values }));
  }

  it('keeps a dangerous key a key', () => {
    const result = readKubernetesYaml('__proto__: {polluted: true}');
    assert.ok('values' in result);
    assert.deepEqual(Object.keys(result.values[0] as object), ['__proto__']);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  const bomb = Array.from({ length: 9 }, (_, nth) => `- &a${nth} [${nth === 0 ? 'x' : Array(9).fill(`*a${nth - 1}`)}]`);
  const problems: readonly (readonly [string, string, RegExp, number])[] = [
    ['a key that is given twice', 'a: 1\nb: 2\na: 3', /`a` is given twice/, 10],
    ['a key that is given twice in JSON', '{"a": 1, "a": 2}', /`a` is given twice/, 9],
    ['the same key in two spellings', '{yes: 1, "true": 2}', /`true` is given twice/, 9],
    ['a number beyond what JSON holds exactly', 'a: 9007199254740993', /too large/, 3],
    ['a number that is none', 'a: .nan', /not a number in JSON/, 3],
    ['a tag', 'a: !!binary aGk=', /tag `!!binary`/, 12],
    ['half a character', 'a: "\\ud800"', /surrogate/, 3],
    ['a document that ends before its text', 'a: 1\n...\nb: 2', /another document/, 9],
    ['an alias of nothing', 'a: *b', /nothing above/, 3],
    ['an alias of itself', 'a: &a [*a]', /more than 100 levels/, 0],
    ['a key that is a list', '? [a]\n: b', /a key must be text/, 2],
    ['E6 an alias bomb', bomb.join('\n'), /more than 300000 values/, 0],
    ['E6 100,000 brackets', '['.repeat(100_000), /more than 100 levels/, 0],
    ['E6 50,000 nested items', '- '.repeat(50_000), /more than 100 levels/, 0],
  ];
  for (const [what, text, problem, offset] of problems) {
    it(`refuses ${what}`, () => {
      const result = readKubernetesYaml(text);
      assert.ok('problem' in result, JSON.stringify(result).slice(0, 200));
      assert.match(result.problem, problem);
      if (offset > 0) assert.equal(result.offset, offset);
    });
  }

  it('says where in the whole text', () => {
    const result = readKubernetesYaml('a: 1\n---\n# Source: b\nb: 1\nb: 2\n');
    assert.ok('problem' in result);
    assert.equal(result.offset, 26);
  });

  it('never throws', () => {
    const pieces = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '---\n',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&a',
      '*a',
      '<<',
      '!',
      '"',
      "'",
      '|',
      '>',
      '#',
      '?',
      '%',
      '\t',
      '\r',
      '0',
      '\u2028',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const result = readKubernetesYaml(parts.join(''));
        assert.ok('values' in result || result.problem.length > 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
