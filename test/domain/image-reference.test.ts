import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImageReference, pinnedReference } from '../../src/domain/image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseImageReference', () => {
  const rows = [
    { text: 'redis:7', want: { repository: 'redis', tag: '7', digest: undefined } },
    { text: 'ghcr.io/acme/api:v1.2_3', want: { repository: 'ghcr.io/acme/api', tag: 'v1.2_3', digest: undefined } },
    { text: 'localhost:5000/a/b__c', want: { repository: 'localhost:5000/a/b__c', tag: undefined, digest: undefined } },
    { text: `r.example:443/a:t@${digest}`, want: { repository: 'r.example:443/a', tag: 't', digest } },
    { text: `a@${digest}`, want: { repository: 'a', tag: undefined, digest } },
    ...[
      '',
      'a/B',
      'a b',
      'a:',
      'a@sha256:abc',
      '-a',
      'a//b',
      '--help',
      'a:b:c',
      `a:${'t'.repeat(129)}`,
      'x'.repeat(600),
    ].map((text) => ({ text, want: undefined })),
  ];
  for (const { text, want } of rows) {
    it(text.slice(0, 60) || 'nothing', () => assert.deepEqual(parseImageReference(text), want));
  }
});

describe('pinnedReference', () => {
  for (const text of ['r.example/a', 'r.example/a:t', `r.example/a:t@sha256:${'b'.repeat(64)}`]) {
    it(text.slice(0, 40), () => assert.equal(pinnedReference(text, digest), `r.example/a@${digest}`));
  }
});
