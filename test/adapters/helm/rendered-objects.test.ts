import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  hasDeleteHooks,
  hasPostHooks,
  hookEvents,
  renderedObjects,
} from '../../../src/adapters/helm/rendered-objects.ts';
import type { Json } from '../../../src/domain/json.ts';

const hooked = (events: string) => ({ kind: 'Job', metadata: { annotations: { 'helm.sh/hook': events } } });
const map = (name: string) => ({ kind: 'ConfigMap', metadata: { name } });

describe('renderedObjects', () => {
  it('takes lists apart, in order', () => {
    const list = { kind: 'ConfigMapList', items: [map('a'), map('b')] };
    assert.deepEqual(renderedObjects([map('0'), list, map('c')]), { objects: ['0', 'a', 'b', 'c'].map(map) });
  });

  it('leaves out tests, and nothing that does something else besides', () => {
    const kept = [hooked('test,pre-install'), hooked('post-install'), map('a')];
    assert.deepEqual(renderedObjects([hooked('test'), hooked(' Test-Success '), ...kept]), { objects: kept });
  });

  for (const [what, document] of [
    ['text', 'text'],
    ['a list of objects', [map('a')]],
    ['items of what is no list', { kind: 'ConfigMap', items: [map('a')] }],
    ['items without a kind', { kind: 'List', items: [{ metadata: {} }] }],
    ['items that are lists again', { kind: 'List', items: [{ kind: 'List', items: [map('a')] }] }],
    ['items that are no objects', { kind: 'List', items: ['a'] }],
  ] as const satisfies readonly (readonly [string, Json])[]) {
    it(`refuses ${what}`, () => assert.ok('problem' in renderedObjects([document])));
  }
});

describe('hookEvents', () => {
  it('lists the events of every object', () => {
    assert.deepEqual([...hookEvents([map('a'), hooked('pre-install, Post-Upgrade')])], ['pre-install', 'post-upgrade']);
    assert.deepEqual([...hookEvents([{ metadata: null }, { metadata: { annotations: { 'helm.sh/hook': 1 } } }])], []);
  });

  it('tells hooks that wait for readiness, and those of the removal', () => {
    assert.equal(hasPostHooks(hookEvents([hooked('pre-install')])), false);
    assert.equal(hasPostHooks(hookEvents([hooked('post-install')])), true);
    assert.equal(hasDeleteHooks(hookEvents([hooked('post-install')])), false);
    assert.equal(hasDeleteHooks(hookEvents([hooked('pre-delete')])), true);
  });
});
