import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { desiredWithoutCode, intentOf, isRequested, type When } from '../../src/domain/desired.ts';
import { trustOf } from '../../src/domain/trust.ts';
import { revision, samplePullRequest } from './plan-sample.ts';

const head = samplePullRequest().head;

describe('desiredWithoutCode', () => {
  it('leaves an open pull request of the repository itself to its code', () => {
    assert.equal(desiredWithoutCode(samplePullRequest()), undefined);
  });

  it('wants nothing for one that is closed, gone or switched off', () => {
    const closed = { state: 'absent', why: 'closed' };
    assert.deepEqual(desiredWithoutCode(samplePullRequest({ state: 'closed' })), closed);
    assert.deepEqual(desiredWithoutCode(undefined), closed);
    const off = samplePullRequest({ labels: ['preview:off'] });
    assert.deepEqual(desiredWithoutCode(off), { state: 'absent', why: 'switched off' });
  });

  it('D8 takes a deleted fork for untrusted, and still removes its preview', () => {
    const gone = { ...head, repositoryId: undefined };
    assert.equal(trustOf(samplePullRequest({ head: gone })), 'untrusted');
    const closed = samplePullRequest({ head: gone, state: 'closed' });
    assert.deepEqual(desiredWithoutCode(closed), { state: 'absent', why: 'closed' });
  });
});

describe('isRequested', () => {
  const rows: { name: string; when: When; files?: string[]; want: boolean }[] = [
    { name: 'asks for nothing', when: {}, want: true },
    { name: 'asks for a label it has', when: { label: 'preview' }, want: true },
    { name: 'asks for a label it has not', when: { label: 'other' }, want: false },
    { name: 'wants no drafts', when: { drafts: false }, want: false },
    { name: 'takes drafts', when: { drafts: true }, want: true },
    { name: 'names its base branch', when: { branches: ['release/*', 'main'] }, want: true },
    { name: 'names other base branches', when: { branches: ['release/*'] }, want: false },
    { name: 'names a changed path', when: { paths: ['src/**'] }, files: ['README.md', 'src/a/b.ts'], want: true },
    { name: 'names no changed path', when: { paths: ['src/*.ts'] }, files: ['src/a/b.ts'], want: false },
  ];
  const pullRequest = samplePullRequest({ draft: true, labels: ['preview'] });
  for (const { name, when, files = [], want } of rows) {
    it(`${want ? 'yes' : 'no'}, when the manifest ${name}`, () =>
      assert.equal(isRequested(when, pullRequest, files), want));
  }
});

describe('intentOf', () => {
  const intent = intentOf(samplePullRequest({ labels: ['a', 'b'] }));

  it('is the same whatever the order of labels and the title', () => {
    assert.equal(intentOf(samplePullRequest({ labels: ['b', 'a'], title: 'Another' })), intent);
  });

  it('changes with state, revision, draft, labels, base branch and the name of the repository', () => {
    const others = [
      samplePullRequest({ labels: ['a', 'b'], state: 'closed' }),
      samplePullRequest({ labels: ['a', 'b'], head: { ...head, revision: 'c'.repeat(40) } }),
      samplePullRequest({ labels: ['a', 'b'], draft: true }),
      samplePullRequest({ labels: ['a'] }),
      samplePullRequest({ labels: ['a', 'b'], base: { branch: 'next', revision } }),
      samplePullRequest({ labels: ['a', 'b'], repository: { ...samplePullRequest().repository, name: 'renamed' } }),
      undefined,
    ];
    assert.equal(new Set([intent, ...others.map(intentOf)]).size, others.length + 1);
  });
});
