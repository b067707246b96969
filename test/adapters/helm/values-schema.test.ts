import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSelfContained } from '../../../src/adapters/helm/values-schema.ts';

describe('isSelfContained', () => {
  for (const schema of [
    {},
    true,
    { $schema: 'http://json-schema.org/draft-07/schema#', $ref: '#/definitions/a', definitions: { a: {} } },
    { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'https://example.com/a', $dynamicRef: '#a' },
    { properties: { $ref: { type: 'string' }, id: { type: 'string' } } },
  ]) {
    it(`trusts ${JSON.stringify(schema)}`, () => assert.equal(isSelfContained(JSON.stringify(schema)), true));
  }

  for (const text of [
    '{"$ref": "http://169.254.169.254/"}',
    '{"$ref": "file:///etc/passwd"}',
    '{"$ref": "other.json"}',
    '{"$ref": "urn:a:b"}',
    '{"a": [[{"$dynamicRef": "//host/a"}]]}',
    '{"\\u0024ref": "http://host/"}',
    '{"$ref": "#", "allOf": [{"$ref": "a"}]}',
    '{"$schema": "http://host/draft"}',
    '{"$schema": "http://json-schema.org.evil.example/draft-07/schema#"}',
    '{"definitions": {"a": {"$id": "http://host/", "b": {"$ref": "#/c"}}}}',
    '{"a": ',
    '['.repeat(1_000) + ']'.repeat(1_000),
  ]) {
    it(`E8 does not trust ${text.slice(0, 60)}`, () => assert.equal(isSelfContained(text), false));
  }
});
