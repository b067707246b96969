import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keysOfSchema, schemaProblems } from '../../../src/adapters/helm/schema-problems.ts';

const headline = "values don't meet the specifications of the schema(s) in the following chart(s):\npreview:\n";

describe('schemaProblems', () => {
  const rows: readonly { readonly name: string; readonly said: string; readonly want: readonly string[] }[] = [
    {
      name: 'suggests the key that was meant',
      said: "- at '/apps/web': validation failed\n  - at '/apps/web': missing property 'port'\n  - at '/apps/web': additional properties 'prot', 'x' not allowed\n",
      want: [
        '`apps.web` lacks `port`',
        '`apps.web` has no key `prot` (did you mean `port`?)',
        '`apps.web` has no key `x`',
      ],
    },
    {
      name: 'names the whole of the values',
      said: "- at '': additional properties 'postgress' not allowed\n",
      want: ['`values` has no key `postgress` (did you mean `postgres`?)'],
    },
    {
      name: 'says what is wrong with a value',
      said: "- at '/apps/web/port': got string, want integer\n",
      want: ['`apps.web.port`: got string, want integer'],
    },
    {
      name: 'says what is wrong with a name once',
      said: "- at '/apps': invalid propertyName 'Web'\n  - at '/apps': 'Web' does not match pattern '^[a-z]$'\n",
      want: ["`apps`: 'Web' does not match pattern '^[a-z]$'"],
    },
    {
      name: 'shows a key that is a path',
      said: "- at '/apps/web/files/~1etc~1app': got number, want string\n",
      want: ['`apps.web.files./etc/app`: got number, want string'],
    },
  ];
  for (const { name, said, want } of rows) {
    it(name, () => assert.deepEqual(schemaProblems(headline + said, ['port', 'postgres']), want));
  }
});

describe('keysOfSchema', () => {
  it('finds the properties wherever they are, and none in what is no schema', () => {
    const schema = { properties: { a: { properties: { b: {} } } }, definitions: { c: { properties: { d: {} } } } };
    assert.deepEqual([...keysOfSchema(JSON.stringify(schema))].toSorted(), ['a', 'b', 'd']);
    assert.deepEqual([...keysOfSchema('{')], []);
  });
});
