import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isServed } from '../../src/domain/accounts.ts';

describe('isServed', () => {
  const rows: readonly (readonly [
    name: string,
    served: readonly string[],
    login: string | undefined,
    want: boolean,
  ])[] = [
    ['everybody, without a list', [], 'anybody', true],
    ['an enterprise, without a list', [], undefined, true],
    ['who is on the list', ['acme', 'octocat'], 'octocat', true],
    ['in any case', ['Acme'], 'aCME', true],
    ['nobody else', ['acme'], 'acme-evil', false],
    ['not an enterprise, which has no login', ['acme'], undefined, false],
  ];
  for (const [name, served, login, want] of rows) it(name, () => assert.equal(isServed(served, login), want));
});
